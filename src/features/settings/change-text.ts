import chalk from 'chalk';

import {undoOf} from './changes.js';
import type {ConfigPlan, ImportedSettings, SavedSettings} from './config.js';
import {signsOutAll, tightened, type Consequence} from './consequences.js';
import {spanWords} from '../../database/spans.js';
import {configOn} from '../../database/target.js';
import type {ImpactReport} from './verdicts.js';
import {DEFAULT_SETTINGS, inForce, type Settings, type Target} from '../../types.js';
import {capital, count, plural, span} from '../../cli/text.js';
import {drainText, unlessInForce} from './text.js';

const WARNING = chalk.yellow('Warning:');
const NOTE = chalk.yellow('Note:');

/**
 * @param jwtExpiry in seconds; null if unknown
 * @returns what the settings do to the sessions that exist, or would do if they were in force
 */
export function impactText(settings: Settings, {impact}: ImpactReport, jwtExpiry: number | null): string {
  const {overLimit, atLimit, expiring} = impact;
  const would = !inForce(settings);
  const begin = (subject: string) =>
    would ? `${capital(unlessInForce(settings).trim())}, ${subject}` : capital(subject);
  // The refresh that finds a session over the limit still gets its token, and the one after that is refused.
  const lifetime = jwtExpiry === null ? 'two access token lifetimes' : span(2 * jwtExpiry);
  const end = (number: number, signIn = '') => {
    const verb = would ? 'would end' : plural(number, 'ends', 'end');
    const refresh = `${plural(number, 'its', 'their')} next refresh`;
    return `${begin(plural(number, 'it', 'they'))} ${verb} at ${signIn}${refresh}; access ${would ? 'would end' : 'ends'} within ${lifetime}.`;
  };
  const sessions = (number: number, of = '') => `${count(number, 'session')}${of} ${plural(number, 'is', 'are')}`;

  const lines: string[] = [];
  if (overLimit.sessions === 0) {
    const none = would ? ': no session would end' : ': no session ends';
    lines.push(`No user is over the limit${expiring.sessions === 0 ? none : ''}.`);
  } else {
    const over = sessions(overLimit.sessions, ` of ${count(overLimit.users, 'user')}`);
    const signIn = settings.strategy === 'dequeue' ? "the user's next sign-in or at " : '';
    lines.push(`${over} over the limit. ${end(overLimit.sessions, signIn)}`);
  }

  if (expiring.sessions > 0) lines.push(`${sessions(expiring.sessions)} past a deadline. ${end(expiring.sessions)}`);
  if (settings.strategy === 'reject') {
    const full = overLimit.users + atLimit.users;
    lines.push(
      full === 0
        ? 'No user is at the limit: everybody can sign in again.'
        : `${count(full, 'user')} ${plural(full, 'is', 'are')} at or over the limit. ${begin('they')} ${chalk.yellow('cannot sign in again')} until one of their sessions ends.`,
    );
  }

  return lines.map((line) => `  ${line}`).join('\n');
}

/** What everybody should know who chooses `reject`. */
export function rejectWarning({reject_ignores_idle: idle}: Pick<Settings, 'reject_ignores_idle'>): string {
  const until = idle === null ? 'it is ended' : `it is ended, or unused for ${spanWords(idle)}`;
  return `${WARNING} reject counts sessions that nobody can sign out. A lost phone, a closed private window or cleared storage keeps its place until ${until}, and its user stays locked out. dequeue makes room instead.`;
}

/**
 * @param inactivity an inactivity timeout, as Postgres prints it
 * @param jwtExpiry in seconds, and longer than that
 * @returns why that signs everybody out
 */
export function trapWarning(inactivity: string, jwtExpiry: number): string {
  return `${WARNING} this signs everybody out while they use the app. A session is refreshed only when its access token expires, after ${span(jwtExpiry)} (jwt_expiry); the inactivity timeout of ${spanWords(inactivity)} ends it before that. Give a timeout longer than ${span(jwtExpiry)} (--inactivity), or lower [auth] jwt_expiry of the project first.`;
}

/** What has to be agreed to on a terminal. */
export function warnings(plan: ConfigPlan): string[] {
  const {after, changed, jwtExpiry} = plan;
  const before = plan.before ?? DEFAULT_SETTINGS;
  const found: string[] = [];
  if (changed.includes('strategy') && after.strategy === 'reject') found.push(rejectWarning(after));
  const trapped = changed.includes('inactivity_timeout') || (inForce(after) && !inForce(before));
  if (trapped && after.inactivity_timeout !== null && jwtExpiry !== null && signsOutAll(after, jwtExpiry))
    found.push(trapWarning(after.inactivity_timeout, jwtExpiry));
  if (changed.includes('reject_in_hook') && after.reject_in_hook)
    found.push(
      `${WARNING} until Auth calls the access token hook, every refused sign-in fails with error 500. Enable it: {bin} hook:enable`,
    );
  if (tightened(before.events_retention, after.events_retention))
    found.push(`${WARNING} history older than ${spanWords(after.events_retention)} is deleted for good.`);
  return found;
}

/** What is good to know, and does no harm. */
export function notes({after, changed, mostOver}: ConfigPlan): string[] {
  const found: string[] = [];
  if (changed.includes('mode') && after.mode === 'observe') {
    const history = after.record_events
      ? 'The history records what would happen.'
      : 'The history is off too, so nothing is recorded (--record-events).';
    found.push(`${NOTE} in observe mode nothing is ended or refused, and no deadline is set. ${history}`);
  }

  const drain = drainText(after, mostOver);
  if (drain !== null) found.push(`${NOTE} ${drain} {bin} enforce ends them all.`);
  return found;
}

/** @returns the question whose answer allows these, at least one */
export function endingQuestion(found: Consequence[]): string {
  if (found.every((consequence) => consequence === 'lockedOut')) return 'Keep these users from signing in';
  const limit = found.every((consequence) => consequence === 'overLimit' || consequence === 'lockedOut');
  return limit ? 'End sessions over the limit' : 'End these sessions';
}

export function importedText({found, absent}: ImportedSettings): string {
  return [
    ...found.map(({source, text}) => `Imported: ${source} (${text}).`),
    ...absent.map((name) => `It has no ${name}: that setting stays as it is.`),
  ].join('\n');
}

export function savedText({file, written}: SavedSettings, settings: Settings): string {
  if (!written) return `supabase/migrations/${file} says the same already.`;
  const pushes = inForce(settings)
    ? '\n  The next "supabase db push" applies them to the linked project, where sessions over the limit then end.'
    : '';
  return `${chalk.green('Saved')} to supabase/migrations/${file}.${pushes}`;
}

/** What was done, and how to undo it. */
export function changedText(plan: ConfigPlan, target: Target, dryRun: boolean): string {
  if (plan.changed.length === 0) return 'Nothing to change: the settings are like this already.';
  if (dryRun) return 'Dry run: nothing was changed.';
  const before = plan.before ?? DEFAULT_SETTINGS;
  const {flags, refused} = undoOf(before, plan.changed);
  const steps = [
    ...(flags.length === 0 ? [] : [`${configOn(target)} ${flags.join(' ')}`]),
    ...refused.map((name) => `in SQL: update supasession.config set ${name} = '${String(before[name])}'`),
  ];
  return `${chalk.green('Changed.')} Undo: ${steps.join(', and ')}`;
}
