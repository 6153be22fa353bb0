import chalk from 'chalk';

import {broken, table} from '../../cli/table.js';
import {ago, capital, count, plural, printable, shortSpan, tokensText} from '../../cli/text.js';
import {targetFlag} from '../../database/target.js';
import {shellWord} from '../../errors.js';
import type {Target} from '../../types.js';
import {device} from './device.js';
import {filterFlags} from './flags.js';
import type {SessionRow} from './queries.js';
import type {RevokeOutcome, RevokePlan} from './revoke.js';
import type {FilterFlags} from './selection.js';
import type {Matched} from './sessions.js';
import {userName} from './users.js';
import type {User} from './users-queries.js';

/** Columns in characters. An id must come out whole, to be pasted. */
const INDENT = '  ';
const ID_WIDTH = INDENT.length + 36;
const AGE_WIDTH = 9;
const GAPS = 3 * '  '.length;
/** The table is made for a terminal of 80; wider than this it would not be easier to read. */
const NARROWEST = 80;
const WIDEST = 110;
/** Sessions that are laid out together: the time that a table takes grows faster than its rows. */
const TABLE_ROWS = 50;

/** How and when sessions are shown. */
export interface View {
  /** Width of the terminal in characters. */
  width: number;
  /** What ages count from, in milliseconds of the epoch. */
  now: number;
}

/** What sets a session apart. */
function marks(session: SessionRow, now: number): string[] {
  const {not_after: deadline, live, pending, oauth_client_id: client} = session;
  return [
    ...(live ? [] : ['past its deadline']),
    ...(live && deadline !== null ? [`deadline in ${shortSpan((Date.parse(deadline) - now) / 1000)}`] : []),
    ...(pending ? ['aal1, second factor missing'] : []),
    ...(client === null ? [] : [`OAuth client ${client}`]),
  ];
}

/**
 * @param head whether the headings come first
 * @returns a table of two lines a session, the id in the second, on its own and whole
 */
export function sessionsTable(rows: SessionRow[], {width, now}: View, head = true): string {
  const total = Math.min(Math.max(width, NARROWEST), WIDEST);
  const widths = [ID_WIDTH, total - ID_WIDTH - GAPS - 2 * AGE_WIDTH, AGE_WIDTH, AGE_WIDTH];
  const tables: string[] = [];
  for (let start = 0; start < rows.length; start += TABLE_ROWS) {
    const cells = rows.slice(start, start + TABLE_ROWS).flatMap((session) => {
      const {id, user_agent: agent, ip, created_at: created, last_used: used} = session;
      const name = printable(userName({...session, id: session.user_id}));
      const special = marks(session, now).map((mark) => chalk.yellow(mark));
      return [
        [chalk.bold(broken(name, ID_WIDTH)), device(agent), ago(created, now), ago(used, now)],
        [`${INDENT}${id}`, {colSpan: 3, content: [ip ?? 'no address', ...special].join(', ')}],
      ];
    });
    const titles = head && start === 0 ? ['User, id of the session', 'Device', 'Signed in', 'Last seen'] : [];
    tables.push(table(titles, cells, {widths, indent: ''}));
  }

  return tables.join('\n');
}

/** @returns "sessions", and which */
export function selected(words: string[]): string {
  return printable(['sessions', ...words].join(' '));
}

/** @returns what comes before a list; empty if nothing was selected */
export function listTitle(words: string[]): string {
  return words.length === 0 ? '' : `${capital(selected(words))}:\n\n`;
}

/** @param shown how many rows there were, on which page of how many rows */
export function listEnd(matched: Matched, words: string[], shown: {rows: number; limit: number; page: number}): string {
  const {rows, limit, page} = shown;
  const all = count(matched.sessions, 'session');
  if (matched.sessions === 0) return `There are no ${selected(words)}.`;
  if (rows === 0) return `Page ${page} is empty: there are ${all}.`;
  const first = (page - 1) * limit + 1;
  const part =
    page === 1
      ? rows.toLocaleString('en-US')
      : `${first.toLocaleString('en-US')} to ${(first + rows - 1).toLocaleString('en-US')}`;
  const amount = rows < matched.sessions ? `${part} of ${all}` : all;
  return `\n${chalk.bold(amount)}, of ${count(matched.users, 'user')}.`;
}

/** How to see the rest; null if nothing is left. */
export function nextPage(
  matched: Matched,
  flags: FilterFlags & {limit: number; page: number},
  target: Target,
): string | null {
  const {limit, page} = flags;
  if (page * limit >= matched.sessions) return null;
  return `Next page: ${listCommand(flags, target)}${limit === DEFAULT_LIMIT ? '' : ` --limit ${limit}`} --page ${page + 1}`;
}

/** Sessions on a page. */
export const DEFAULT_LIMIT = 50;

export function userChoice(user: User): {value: string; name: string; description: string} {
  return {value: user.id, name: printable(userName(user)), description: user.id};
}

export function sessionChoice(session: SessionRow, now: number): {value: string; name: string; short: string} {
  const {id, user_agent: agent, ip, created_at: created, last_used: used} = session;
  const what = device(agent);
  const parts = [
    ...[what, ip ?? 'no address', `signed in ${ago(created, now)}`, `last seen ${ago(used, now)}`],
    ...marks(session, now),
  ];
  return {value: id, name: parts.join(', '), short: what};
}

/** The command that lists what these flags select. */
export function listCommand(flags: FilterFlags, target: Target): string {
  const typed = (Object.keys(filterFlags) as (keyof FilterFlags)[]).flatMap((name) => {
    const value = flags[name];
    if (value === undefined || value === false) return [];
    if (value === true) return [`--${name}`];
    return [value].flat().map((text) => `--${name} ${shellWord(text)}`);
  });
  return ['{bin} sessions:list', targetFlag(target), ...typed].filter((part) => part !== '').join(' ');
}

/** @returns what is going to end, before it is confirmed; `jwtExpiry`: lifetime of an access token in seconds, null if it is not known */
export function revokeWarning(plan: RevokePlan, jwtExpiry: number | null, view: View): string {
  const {of, list, notFound, guarded} = plan;
  const {sessions} = list.matched;
  const user = of === null ? count(list.matched.users, 'user') : printable(userName(of.user));
  if (sessions === 0) {
    // If all given ids are gone, that is an error: so here a user was given.
    return `${user} has no ${of !== null && of.keep.length > 0 ? 'other sessions' : 'sessions'}.`;
  }

  return [
    sessionsTable(list.rows, view),
    '',
    ...(list.rows.length < sessions ? [`Shown: ${list.rows.length} of ${sessions.toLocaleString('en-US')}.`] : []),
    ...(notFound.length === 0 ? [] : [`Not found (ended, or never existed): ${notFound.join(', ')}`]),
    `${chalk.bold(count(sessions, 'session'))} of ${chalk.bold(user)} ${plural(sessions, 'ends', 'end')}. This cannot be undone.`,
    tokensText(jwtExpiry, guarded),
  ].join('\n');
}

/** @returns how it went; what was not found before has been said */
export function revokedText(plan: RevokePlan, {revoked, notFound}: RevokeOutcome): string {
  const late = notFound.filter((id) => !plan.notFound.includes(id));
  return [
    `${chalk.green('Done:')} ${count(revoked.length, 'session')} ended.`,
    ...(late.length === 0 ? [] : [`Already gone: ${late.join(', ')}`]),
  ].join('\n');
}
