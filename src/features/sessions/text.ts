import chalk from 'chalk';
import Table from 'cli-table3';

import type {RevokeOutcome, RevokePlan} from './revoke.js';
import type {FilterFlags, SessionList} from './sessions.js';
import {targetFlag} from '../../database/target.js';
import {userName} from './users.js';
import type {SessionRow} from './queries.js';
import type {User} from './users-queries.js';
import type {Target} from '../../types.js';
import {device} from './device.js';
import {ago, capital, count, plural, printable, shortSpan, tokensText} from '../../cli/text.js';
import {selected} from './flush-text.js';

/** Columns in characters. An id has to come out whole, to be pasted. */
const INDENT = '  ';
const ID_WIDTH = INDENT.length + 36;
const AGE_WIDTH = 9;
const GAP = '  ';
/** The table is made for a terminal of 80; wider than this it would not be easier to read. */
const NARROWEST = 80;
const WIDEST = 110;

/** How and when sessions are shown. */
export interface View {
  /** Of the terminal, in characters. */
  width: number;
  /** What ages count from, in milliseconds of the epoch. */
  now: number;
}

/** @returns what is not so with every session, in words */
function marks(session: SessionRow, now: number): string[] {
  const {not_after: deadline, live, pending, oauth_client_id: client} = session;
  return [
    ...(live ? [] : ['past its deadline']),
    ...(live && deadline !== null ? [`deadline in ${shortSpan((Date.parse(deadline) - now) / 1000)}`] : []),
    ...(pending ? ['aal1, second factor missing'] : []),
    ...(client === null ? [] : [`OAuth client ${client}`]),
  ];
}

/** @returns who somebody is, safe to print */
function name(session: SessionRow): string {
  return printable(userName({...session, id: session.user_id}));
}

/**
 * @param rows sessions
 * @param view how and when they are shown
 * @returns them as a table of two lines each, the id in the second, on its own and whole
 */
function table(rows: SessionRow[], {width, now}: View): string {
  const ages = 2 * (AGE_WIDTH + GAP.length);
  const total = Math.min(Math.max(width, NARROWEST), WIDEST);
  const shown = new Table({
    head: ['User, id of the session', 'Device', 'Signed in', 'Last seen'].map((title) => chalk.bold(title)),
    colWidths: [ID_WIDTH, total - ID_WIDTH - GAP.length - ages, AGE_WIDTH, AGE_WIDTH],
    wordWrap: true,
    chars: {
      ...{top: '', 'top-mid': '', 'top-left': '', 'top-right': ''},
      ...{bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': ''},
      ...{left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: GAP},
    },
    style: {head: [], border: [], 'padding-left': 0, 'padding-right': 0},
  });
  for (const session of rows) {
    const {id, user_agent: agent, ip, created_at: created, last_used: used} = session;
    const special = marks(session, now).map((mark) => chalk.yellow(mark));
    shown.push(
      [
        {content: chalk.bold(name(session)), wrapOnWordBoundary: false},
        device(agent),
        ago(created, now),
        ago(used, now),
      ],
      [`${INDENT}${id}`, {colSpan: 3, content: [ip ?? 'no address', ...special].join(', ')}],
    );
  }

  return shown
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/**
 * @param list the sessions
 * @param words which they are, after "sessions"
 * @param view how and when they are shown
 * @returns them, and how many there are
 */
export function sessionsText(list: SessionList, words: string[], view: View): string {
  const {rows, matched} = list;
  if (rows.length === 0) return `There are no ${selected(words)}.`;
  const all = count(matched.sessions, 'session');
  const amount = rows.length < matched.sessions ? `${rows.length.toLocaleString('en-US')} of ${all}` : all;
  const title = words.length === 0 ? '' : `${capital(selected(words))}:\n\n`;
  return `${title}${table(rows, view)}\n\n${chalk.bold(amount)}, of ${count(matched.users, 'user')}.`;
}

/** @returns a user to choose, by the name that people know */
export function userChoice(user: User): {value: string; name: string; description: string} {
  return {value: user.id, name: printable(userName(user)), description: user.id};
}

/** @returns a session to tick, on one line */
export function sessionChoice(session: SessionRow, now: number): {value: string; name: string; short: string} {
  const {id, user_agent: agent, ip, created_at: created, last_used: used} = session;
  const what = device(agent);
  const parts = [
    ...[what, ip ?? 'no address', `signed in ${ago(created, now)}`, `last seen ${ago(used, now)}`],
    ...marks(session, now),
  ];
  return {value: id, name: parts.join(', '), short: what};
}

/** @returns the command that shows the sessions which these flags mean */
export function listCommand(flags: FilterFlags, target: Target): string {
  const values = (flag: string, texts: Array<string | undefined> = []) =>
    texts.flatMap((text) => (text === undefined ? [] : [`--${flag} ${shellWord(text)}`]));
  const parts = [
    targetFlag(target),
    ...values('user', flags.user),
    flags['over-limit'] ? '--over-limit' : '',
    ...values('older-than', [flags['older-than']]),
    ...values('idle', [flags.idle]),
    flags.expired ? '--expired' : '',
    flags.aal1 ? '--aal1' : '',
    ...values('client', [flags.client]),
    ...values('except', flags.except),
  ];
  return ['{bin} sessions:list', ...parts.filter((part) => part !== '')].join(' ');
}

function shellWord(text: string): string {
  return /^[\w@.+:-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * @param plan what is going to end
 * @param jwtExpiry lifetime of an access token in seconds, or null where it is not known
 * @param view how and when sessions are shown
 * @returns it, before it is confirmed
 */
export function revokeWarning(plan: RevokePlan, jwtExpiry: number | null, view: View): string {
  const {of, list, notFound, guarded} = plan;
  const gone = notFound.length === 0 ? [] : [goneText(notFound)];
  const {sessions} = list.matched;
  const user = of === null ? count(list.matched.users, 'user') : printable(userName(of.user));
  if (sessions === 0) {
    // Ids that all are gone are an error, so these are of a user.
    return `${user} has no ${of !== null && of.except.length > 0 ? 'other sessions' : 'sessions'}.`;
  }

  return [
    table(list.rows, view),
    '',
    ...(list.rows.length < sessions ? [`Shown: ${list.rows.length} of them.`] : []),
    ...gone,
    `${chalk.bold(count(sessions, 'session'))} of ${chalk.bold(user)} ${plural(sessions, 'ends', 'end')}. This cannot be undone.`,
    tokensText(jwtExpiry, guarded),
  ].join('\n');
}

function goneText(ids: string[]): string {
  return `No such session, or no longer: ${ids.join(', ')}`;
}

/** @returns how it went; what was not found before has been said */
export function revokedText(plan: RevokePlan, {revoked, notFound}: RevokeOutcome): string {
  const late = notFound.filter((id) => !plan.notFound.includes(id));
  return [
    `${chalk.green('Done:')} ${count(revoked.length, 'session')} ended.`,
    ...(late.length === 0 ? [] : [`Gone meanwhile: ${late.join(', ')}`]),
  ].join('\n');
}
