import chalk from 'chalk';

import type {InstalledStatus, Problem, Status} from './status.js';
import {commandOn} from '../../database/target.js';
import type {IntegrationState} from '../integration/source.js';
import type {HistogramEntry} from './queries.js';
import type {Target} from '../../types.js';
import {endingsLines} from '../sessions/history-text.js';
import {settingsInWords} from '../settings/text.js';
import {GAP, table} from '../../cli/table.js';
import {count} from '../../cli/text.js';
import {drainText} from '../settings/text.js';

const LABEL_WIDTH = 7;
/** Of the longest bar, in characters. */
const BAR_WIDTH = 40;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
/** Reasons of the last day that are shown; the screen has 24 lines. */
const MOST_ENDINGS = 4;

/** Users whose number of sessions lies in a range. */
export interface Bucket {
  from: number;
  /** Infinity in the last one. */
  to: number;
  users: number;
}

/** At most seven ranges, the last with users; one ends at the limit, if there is one. */
export function buckets(histogram: HistogramEntry[], limit: number | null): Bucket[] {
  const ends = [...new Set([1, 2, 3, 4, 9, ...(limit === null ? [] : [limit])])].sort((a, b) => a - b);
  const most = Math.max(0, ...histogram.map(({sessions}) => sessions));
  return [...ends, Infinity]
    .map((to, index) => {
      const from = (ends[index - 1] ?? 0) + 1;
      const within = histogram.filter(({sessions}) => sessions >= from && sessions <= to);
      return {from, to, users: within.reduce((sum, {users}) => sum + users, 0)};
    })
    .filter(({from}) => from <= most);
}

/** Draws at least an eighth of a block for any number above 0. */
export function bar(value: number, most: number): string {
  const eighths = value === 0 ? 0 : Math.max(1, Math.round((value / most) * BAR_WIDTH * 8));
  return '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!;
}

function histogramLines(histogram: HistogramEntry[], limit: number | null): string[] {
  const ranges = buckets(histogram, limit);
  const most = Math.max(...ranges.map(({users}) => users));
  const numbers = ranges.map(({users}) => users.toLocaleString('en-US'));
  const width = Math.max(...numbers.map((number) => number.length));
  return ranges.map(({from, to, users}, index) => {
    const range = to === Infinity ? `${from}+` : from === to ? String(from) : `${from}-${to}`;
    const over = limit !== null && from > limit;
    const mark = to === limit ? chalk.dim(`${GAP}the limit`) : '';
    const drawn = bar(users, most);
    return `${range.padStart(LABEL_WIDTH)}${GAP}${numbers[index]!.padStart(width)}${GAP}${over ? chalk.yellow(drawn) : chalk.cyan(drawn)}${mark}`.trimEnd();
  });
}

function releaseText(installed: InstalledStatus | null, target: Target): string {
  if (installed === null) return `${chalk.yellow('not installed')}: ${commandOn(target, 'init --apply')}`;
  const {version, shipped, state} = installed;
  const own = version ?? 'unknown';
  switch (state) {
    case 'current': {
      return `${own}, as in this package`;
    }

    case 'older': {
      return `${own}; ${chalk.yellow(`this package has ${shipped.version}`)}: ${commandOn(target, 'upgrade')}`;
    }

    case 'differs': {
      return `${own}, but ${chalk.yellow('with other SQL than this package')}: ${commandOn(target, 'upgrade')}`;
    }

    case 'unknown': {
      return `${own}, run by hand`;
    }
  }
}

function settingsLines(status: Status): string[] {
  if (status.settings === null) return [];
  const [first, ...rest] = settingsInWords(status.settings);
  const {enabled, mode} = status.settings;
  const state = enabled && mode === 'enforce' ? first! : chalk.yellow(first);
  return [state, ...rest];
}

function sessionsText({users, sessions}: Status): string {
  if (users === 0 && sessions.ended === 0) return 'nobody is signed in';
  const ended = sessions.ended === 0 ? '' : `; ${count(sessions.ended, 'ended session')} still in the table`;
  return `${chalk.bold(count(users, 'user'))} with ${chalk.bold(count(sessions.live, 'live session'))}${ended}`;
}

/** Empty while limits are off. */
function overLines({overLimit, expiring, mostOver, settings}: Status): string[] {
  if (overLimit === null || expiring === null || settings === null) return [];
  const over =
    overLimit.sessions === 0
      ? 'nobody over the limit'
      : chalk.yellow(`${count(overLimit.users, 'user')} over the limit, by ${count(overLimit.sessions, 'session')}`);
  const past = expiring === 0 ? '' : `; ${chalk.yellow(`${count(expiring, 'session')} past a deadline`)}`;
  const drain = drainText(settings, mostOver ?? 0);
  return [over + past, ...(drain === null ? [] : [drain])];
}

function wiredText({hook, nextHook, guard, api}: IntegrationState): string {
  const state = (wired: boolean | null) =>
    wired === null ? chalk.dim('not known here') : wired ? chalk.green('yes') : 'no';
  const next = nextHook === null ? '' : ` (then ${nextHook})`;
  return `hook ${state(hook)}${next}, guard ${state(guard)}, api ${state(api)}`;
}

function problemLines(problems: Problem[], checked: boolean): string[] {
  if (problems.length === 0) return [chalk.green(checked ? 'all is well' : 'the installation is whole')];
  return problems.flatMap(({check, detail, fix}) => {
    const text = detail.startsWith(check) ? detail : `${check}: ${detail}`;
    return [chalk.red(text), `  ${chalk.cyan('→')} ${fix}`];
  });
}

export interface StatusView {
  /** Of the terminal, in characters. */
  width: number;
  /** Whether the sessions were checked too. */
  checked: boolean;
  /** Replaces `{bin} ` by what to type; has to run before lines are wrapped. */
  typed: (text: string) => string;
}

/** Usually fits on one screen of 24 lines. */
export function statusText(status: Status, target: Target, view: StatusView): string {
  const {settings, installed, lastDay, accessRevoked, wired, problems} = status;
  const limit = settings?.enabled ? settings.max_sessions : null;
  const nothing = settings?.record_events === false ? 'no history is kept' : 'nothing was ended';
  const width = Math.max(view.width, 80) - LABEL_WIDTH - GAP.length;
  const section = (label: string, lines: string[]) =>
    lines.length === 0
      ? []
      : [table([], [[chalk.bold(label), view.typed(lines.join('\n'))]], {widths: [LABEL_WIDTH, width], indent: ''})];
  const known = installed !== null;
  return [
    ...section('Release', [releaseText(installed, target)]),
    ...section('Limit', settingsLines(status)),
    ...section('Users', [sessionsText(status), ...overLines(status)]),
    ...histogramLines(status.histogram, limit),
    ...(known ? section('In 24 h', lastDay.length === 0 ? [nothing] : endingsLines(lastDay, MOST_ENDINGS)) : []),
    ...(accessRevoked === 0 ? [] : section('Access', [`revoked for ${count(accessRevoked, 'user')}`])),
    ...section('Wired', [wiredText(wired)]),
    ...section('Health', problemLines(problems, view.checked)),
  ].join('\n');
}
