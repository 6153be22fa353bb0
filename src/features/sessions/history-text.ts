import chalk from 'chalk';
import widthOf from 'string-width';

import type {History} from './history.js';
import {userName} from './users.js';
import type {EndingCount, EventKind, EventRow} from './history-queries.js';
import {DEFAULT_SETTINGS} from '../../types.js';
import {GAP, table} from '../../cli/table.js';
import {count, printable, shortSpan} from '../../cli/text.js';

/** What happened, in a word or two. */
const KINDS: Record<EventKind, string> = {
  evicted: 'evicted',
  expired: 'expired',
  revoked: 'revoked',
  flushed: 'flushed',
  access_revoked: 'access revoked',
  access_restored: 'access restored',
  device_changed: 'new device',
  settings_changed: 'settings',
  rules_changed: 'rules',
  would_evict: 'would evict',
  would_refuse: 'would refuse',
  would_expire: 'would expire',
};

export function kindWords(kind: EventKind): string {
  return KINDS[kind];
}

/** Longer texts would push everything else off the screen. */
const LONGEST_VALUE = 60;

/** A value of a setting or a rule. */
function valueText(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  const text = printable(typeof value === 'string' ? value : JSON.stringify(value));
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE - 1)}…` : text;
}

type Row = Record<string, unknown>;

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What differs between two rows of settings or rules; for a new one, its values. `version` is no setting. */
function differences(before: Row, after: Row): string {
  return Object.keys(after)
    .filter((key) => key !== 'version')
    .filter((key) => JSON.stringify(before[key] ?? null) !== JSON.stringify(after[key] ?? null))
    .map((key) => `${key} ${key in before ? `${valueText(before[key])} -> ` : ''}${valueText(after[key])}`)
    .join(', ');
}

/** A change of settings or rules in words. */
function changeText(kind: EventKind, details: Row): string {
  const before = isRow(details['old']) ? details['old'] : null;
  const after = isRow(details['new']) ? details['new'] : null;
  const rule = kind === 'rules_changed';
  const what = rule ? `rule ${valueText((after ?? before)?.['name'])}` : 'settings';
  if (after === null) return `${what} removed`;
  if (before !== null) return rule ? `${what}: ${differences(before, after)}` : differences(before, after);
  if (!rule) return differences({...DEFAULT_SETTINGS}, after) || `${what} made`;
  // What is not set says nothing.
  const said = Object.fromEntries(
    Object.entries(after).filter(([key, value]) => value !== null && value !== false && key !== 'name'),
  );
  return `${what} added: ${differences({}, said)}`;
}

/** By whom or what: a session by the beginning of its id, a rule or a role by its name. */
function causeText(cause: string): string {
  const text = printable(cause);
  return /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(text) ? `by session ${text.slice(0, 8)}` : `by ${text}`;
}

/** Why, and by whom or what. */
function whyText({kind, reason, caused_by: cause, details}: EventRow): string {
  const device = typeof details?.['device'] === 'string' ? ` (${printable(details['device'])})` : '';
  const changed = (kind === 'settings_changed' || kind === 'rules_changed') && details !== null;
  const why = [
    ...(changed ? [changeText(kind, details)] : reason === null ? [] : [printable(reason)]),
    ...(kind === 'flushed' && typeof details?.['deleted'] === 'number'
      ? [
          `${count(details['deleted'], 'session')} ended${typeof details['matched'] === 'number' && details['matched'] !== details['deleted'] ? ` of ${details['matched'].toLocaleString('en-US')}` : ''}`,
        ]
      : []),
    ...(cause === null ? [] : [`${causeText(cause)}${device}`]),
  ];
  return why.join(', ');
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** From this age on the year says more than the hour; in milliseconds. */
const LONG_AGO = 300 * 86_400_000;

/** When it was, in local time, and how long ago; 17 characters at most. */
function whenText(at: string, now: number): string {
  const time = new Date(at);
  const two = (number: number) => String(number).padStart(2, '0');
  const day = `${MONTHS[time.getMonth()]} ${two(time.getDate())}`;
  const age = shortSpan((now - time.getTime()) / 1000);
  return time.getTime() < now - LONG_AGO
    ? `${day}  ${time.getFullYear()} ${age.padStart(4)}`
    : `${day} ${two(time.getHours())}:${two(time.getMinutes())} ${age.padStart(4)}`;
}

/** Events that are laid out together: the time that a table takes grows faster than its rows. */
const TABLE_ROWS = 50;
const WHEN_WIDTH = 17;
const KIND_WIDTH = 15;
const SESSION_WIDTH = 8;
/** The table is made for a terminal of 80; wider than this it would not be easier to read. */
const NARROWEST = 80;
const WIDEST = 140;
const LONGEST_USER = 36;

/** @param view width of the terminal in characters, and what ages count from in milliseconds of the epoch */
export function eventsText(events: EventRow[], view: {width: number; now: number}): string {
  const names = events.map(({user_id: id, email, phone}) =>
    id === null ? '' : printable(userName({id, email, phone})),
  );
  const rest =
    Math.min(Math.max(view.width, NARROWEST), WIDEST) - WHEN_WIDTH - KIND_WIDTH - SESSION_WIDTH - 4 * GAP.length;
  const user = Math.min(
    names.reduce((longest, name) => Math.max(longest, widthOf(name)), 4),
    Math.floor(rest * 0.6),
    LONGEST_USER,
  );
  const rows = events.map((event, index) => {
    const head = [whenText(event.at, view.now), kindWords(event.kind)];
    const why = whyText(event);
    // Without user and session, the reason gets their columns.
    if (event.user_id === null && event.session_id === null) return [...head, {content: why, colSpan: 3}];
    return [...head, names[index]!, event.session_id?.slice(0, SESSION_WIDTH) ?? '', why];
  });
  const widths = [WHEN_WIDTH, KIND_WIDTH, user, SESSION_WIDTH, rest - user];
  const tables: string[] = [];
  for (let start = 0; start < rows.length; start += TABLE_ROWS) {
    const head = start === 0 ? ['When         Age', 'What', 'User', 'Session', 'Why'] : [];
    tables.push(table(head, rows.slice(start, start + TABLE_ROWS), {widths, indent: ''}));
  }

  return tables.join('\n');
}

/** What one line of `endingsLines` can be. */
const DONE: Partial<Record<EventKind, string>> = {
  would_evict: 'would have been evicted',
  would_refuse: 'would have been refused',
  would_expire: 'would have expired',
};

/** A line for each reason, most first; `most`: how many lines at most. */
export function endingsLines(endings: EndingCount[], most: number): string[] {
  const shown = endings.length > most ? endings.slice(0, most - 1) : endings;
  const lines = shown.map(
    ({kind, reason, count: number}) =>
      `${chalk.bold(number.toLocaleString('en-US'))} ${DONE[kind] ?? kindWords(kind)}${reason === null ? '' : `: ${printable(reason)}`}`,
  );
  const rest = endings.slice(shown.length).reduce((sum, {count: number}) => sum + number, 0);
  return rest === 0 ? lines : [...lines, `${chalk.bold(rest.toLocaleString('en-US'))} for other reasons`];
}

/** @returns what to know beside the events; null for nothing */
export function historyEnd({events, recording}: History, limit: number): string | null {
  if (!recording) return `${chalk.yellow('Events are not being recorded:')} the setting record_events is off.`;
  if (events.length === 0) return 'No such events.';
  return events.length === limit ? `The newest ${count(limit, 'event')}; --limit shows more.` : null;
}
