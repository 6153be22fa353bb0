import chalk from 'chalk';

import {undoOf} from './changes.js';
import type {ConfigPlan, ImportedSettings, SavedSettings} from './config.js';
import {signsOutAll, tightened, type Consequence} from './consequences.js';
import {inForce} from '../../types.js';
import {spanWords} from '../../database/spans.js';
import {configOn} from '../../database/target.js';
import type {ImpactReport} from './verdicts.js';
import {DEFAULT_SETTINGS, type Settings, type Target} from '../../types.js';
import {count, plural, span} from '../../cli/text.js';
import {drainText, unlessInForce} from './in-force-text.js';

const WARNING = chalk.yellow('Warning:');

/**
 * @param settings the settings as they will be
 * @param report whom they concern
 * @param jwtExpiry lifetime of an access token in seconds, or null where it is not known
 * @returns what the settings do to the sessions that exist
 */
export function impactText(settings: Settings, report: ImpactReport, jwtExpiry: number | null): string {
  const {overLimit, atLimit, expiring} = report.impact;
  const lines: string[] = [];
  const condition = unlessInForce(settings);
  // The refresh that finds it still gets its token, and the one after that is refused.
  const lifetime = jwtExpiry === null ? 'two access token lifetimes' : span(2 * jwtExpiry);
  const atRefresh = (number: number) =>
    `at ${plural(number, 'its', 'their')} next refresh, with access ending within ${lifetime}`;
  const end = (number: number) => plural(number, 'It ends', 'They end');
  if (overLimit.sessions === 0) {
    lines.push(`  No user is over the limit${expiring.sessions === 0 ? ': no session ends' : ''}${condition}.`);
  } else {
    const who = `${count(overLimit.sessions, 'session')} of ${count(overLimit.users, 'user')} ${plural(overLimit.sessions, 'is', 'are')} over the limit`;
    const signIn = settings.strategy === 'dequeue' ? "at the user's next sign-in, else " : '';
    lines.push(`  ${who}${condition}. ${end(overLimit.sessions)} ${signIn}${atRefresh(overLimit.sessions)}.`);
  }

  if (expiring.sessions > 0) {
    const past = `${count(expiring.sessions, 'session')} ${plural(expiring.sessions, 'is', 'are')} past a deadline`;
    lines.push(`  ${past}${condition}. ${end(expiring.sessions)} ${atRefresh(expiring.sessions)}.`);
  }

  if (settings.strategy === 'reject') {
    const full = overLimit.users + atLimit.users;
    lines.push(
      full === 0
        ? `  No user is at the limit: everybody can sign in again${condition}.`
        : `  ${count(full, 'user')} at or over the limit ${chalk.yellow('cannot sign in again')} before one of their sessions ends${condition}.`,
    );
  }

  return lines.join('\n');
}

/**
 * @param settings the settings as they will be
 * @returns what everybody should know who chooses `reject`
 */
export function rejectWarning({reject_ignores_idle: idle}: Pick<Settings, 'reject_ignores_idle'>): string {
  const until = idle === null ? 'it is ended' : `it is ended or has not been used for ${spanWords(idle)}`;
  return `${WARNING} reject counts sessions that nobody can sign out: a lost phone, a closed private window or cleared storage keeps its place until ${until}, so such a user stays locked out. dequeue makes room instead.`;
}

/**
 * @param inactivity an inactivity timeout, as Postgres prints it
 * @param jwtExpiry lifetime of an access token in seconds, which is longer
 * @returns why that signs out everybody whom it is for
 */
export function trapWarning(inactivity: string, jwtExpiry: number): string {
  return `${WARNING} this signs everybody out while they use the app. A session is refreshed only when its access token runs out, which takes ${span(jwtExpiry)} (jwt_expiry), and the inactivity timeout of ${spanWords(inactivity)} ends it before that. Give a timeout longer than ${span(jwtExpiry)} (--inactivity), or first lower [auth] jwt_expiry of the project.`;
}

/**
 * @param plan a change of settings
 * @returns what to know before agreeing to it
 */
export function warnings(plan: ConfigPlan): string[] {
  const {after, changed, jwtExpiry} = plan;
  const before = plan.before ?? DEFAULT_SETTINGS;
  const found: string[] = [];
  const switched = <Name extends keyof Settings>(name: Name, value: Settings[Name]) =>
    changed.includes(name) && after[name] === value;

  if (switched('strategy', 'reject')) found.push(rejectWarning(after));
  const trapped = changed.includes('inactivity_timeout') || (inForce(after) && !inForce(before));
  if (trapped && after.inactivity_timeout !== null && jwtExpiry !== null && signsOutAll(after, jwtExpiry))
    found.push(trapWarning(after.inactivity_timeout, jwtExpiry));
  if (switched('reject_in_hook', true))
    found.push(
      `${WARNING} until Auth calls the access token hook, every refused sign-in fails with error 500. Configure it: {bin} hook:enable`,
    );
  if (switched('mode', 'observe')) {
    const history = after.record_events
      ? 'What would have been goes to the history.'
      : 'The history is off too, so nothing says what would have been (--record-events).';
    found.push(`${chalk.yellow('Note:')} in observe mode nothing is ended, refused or given a deadline. ${history}`);
  }

  const drain = drainText(after, plan.mostOver);
  if (drain !== null) found.push(`${chalk.yellow('Note:')} ${drain} {bin} enforce ends them all.`);
  if (tightened(before.events_retention, after.events_retention))
    found.push(
      `${chalk.yellow('Note:')} history older than ${spanWords(after.events_retention)} is removed in passing, for good.`,
    );
  return found;
}

/**
 * @param found what a change does, at least one
 * @returns the question whose answer allows it
 */
export function endingQuestion(found: Consequence[]): string {
  if (found.every((consequence) => consequence === 'lockedOut')) return 'Keep these users from signing in';
  const limit = found.every((consequence) => consequence === 'overLimit' || consequence === 'lockedOut');
  return limit ? 'End sessions above the limit' : 'End these sessions';
}

/**
 * @param imported the deadlines of the project's configuration
 * @returns where they were read, and what was not there
 */
export function importedText({found, absent}: ImportedSettings): string {
  return [
    ...found.map(({source, text}) => `Taken over: ${source} (${text}).`),
    ...absent.map((name) => `There is no ${name} beside it: that setting stays as it is.`),
  ].join('\n');
}

/** @returns where the settings were saved */
export function savedText({file, written}: SavedSettings, settings: Settings): string {
  if (!written) return `supabase/migrations/${file} says the same already.`;
  const pushes = inForce(settings)
    ? '\n  The next "supabase db push" brings them to the linked project, where sessions above the limit then end.'
    : '';
  return `${chalk.green('Saved')} to supabase/migrations/${file}.${pushes}`;
}

/** @returns that the change was made, and how to take it back */
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
