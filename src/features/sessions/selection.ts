import type {Connection} from '../../database/connection.js';
import {type Moment, momentWords, parseMoment} from '../../database/moments.js';
import {SupasessionError} from '../../errors.js';
import {requireInstalled} from '../install/index.js';
import {parseClaims} from '../settings/index.js';
import type {SessionFilter} from './filter.js';
import {findUsers, isId, userName} from './users.js';

/** Which sessions, as typed. */
export interface FilterFlags {
  user?: string[] | undefined;
  except?: string[] | undefined;
  'over-limit'?: boolean;
  since?: string | undefined;
  until?: string | undefined;
  'older-than'?: string | undefined;
  idle?: string | undefined;
  expired?: boolean;
  aal1?: boolean;
  client?: string | undefined;
  ip?: string[] | undefined;
  device?: string | undefined;
  claim?: string[] | undefined;
}

/** Which sessions, understood. */
export interface Selection {
  filter: SessionFilter;
  /** What was understood, in words that follow "sessions"; empty if all are meant. */
  words: string[];
}

/** What one flag means. */
type Part = {filter: SessionFilter; words: string};

/**
 * Understands the flags that say which sessions are meant.
 * @throws SupasessionError AUTH_SCHEMA_MISSING; USER_NOT_FOUND; SETTING_INVALID for a span, a date or an address range; USAGE for what is no id
 * or claim; with --over-limit NOT_INSTALLED and NEWER_RELEASE
 */
export async function readSelection(connection: Connection, flags: FilterFlags): Promise<Selection> {
  await requireInstalled(connection, flags['over-limit'] ? 'installed' : 'auth');
  const parts: Part[] = [
    ...(await users(connection, flags)),
    ...(flags['over-limit'] ? [{filter: {overLimit: true}, words: 'over the limit'}] : []),
    ...(await times(connection, flags)),
    ...(flags.expired ? [{filter: {expired: true}, words: 'past their deadline'}] : []),
    ...(flags.aal1 ? [{filter: {aal1: true}, words: 'with one factor only (aal1)'}] : []),
    ...client(flags.client),
    ...(await addresses(connection, flags.ip)),
    ...(flags.device === undefined ? [] : [{filter: {device: flags.device}, words: `on "${flags.device}"`}]),
    ...(flags.claim === undefined
      ? []
      : [{filter: {appMetadata: parseClaims(flags.claim)}, words: `of users with ${flags.claim.join(' and ')}`}]),
    ...(await exceptions(connection, flags.except)),
  ];
  return {
    filter: Object.assign({}, ...parts.map(({filter}) => filter)) as SessionFilter,
    words: parts.map(({words}) => words),
  };
}

async function users(connection: Connection, {user}: FilterFlags): Promise<Part[]> {
  if (user === undefined) return [];
  const found = await findUsers(connection, user);
  return [{filter: {userIds: found.map(({id}) => id)}, words: `of ${found.map((one) => userName(one)).join(', ')}`}];
}

async function exceptions(connection: Connection, except: string[] | undefined): Promise<Part[]> {
  if (except === undefined) return [];
  const found = await findUsers(connection, except);
  return [
    {
      filter: {exceptUserIds: found.map(({id}) => id)},
      words: `except those of ${found.map((one) => userName(one)).join(', ')}`,
    },
  ];
}

async function times(connection: Connection, flags: FilterFlags): Promise<Part[]> {
  const {since, until, 'older-than': olderThan, idle} = flags;
  const read = async (flag: string, text: string | undefined, part: (moment: Moment) => Part): Promise<Part[]> =>
    text === undefined ? [] : [part(await parseMoment(connection, flag, text))];
  const before = (moment: Moment): Part => ({
    filter: {before: moment.at},
    words: `signed in ${momentWords(
      moment,
      (span) => `more than ${span} ago`,
      (date) => `before ${date}`,
    )}`,
  });
  const parts = [
    ...(await read('--since', since, (moment) => ({
      filter: {since: moment.at},
      words: `signed in ${momentWords(
        moment,
        (span) => `in the last ${span}`,
        (date) => `since ${date}`,
      )}`,
    }))),
    ...(await read('--until', until, before)),
    ...(await read('--older-than', olderThan, before)),
    ...(await read('--idle', idle, (moment) => ({
      filter: {unusedSince: moment.at},
      words: `not used ${momentWords(
        moment,
        (span) => `for ${span}`,
        (date) => `since ${date}`,
      )}`,
    }))),
  ];
  const [from, to] = [parts.find(({filter}) => filter.since), parts.find(({filter}) => filter.before)];
  if (from !== undefined && to !== undefined && from.filter.since! >= to.filter.before!)
    throw new SupasessionError('USAGE', '--since is not before the end: no session can match.');
  return parts;
}

function client(id: string | undefined): Part[] {
  if (id === undefined) return [];
  if (!isId(id)) throw new SupasessionError('USAGE', `--client ${id}: the id of an OAuth client is a UUID.`);
  return [{filter: {clientId: id}, words: `of the OAuth client ${id}`}];
}

/** Postgres reads them, because it compares them. */
async function addresses(connection: Connection, ips: string[] | undefined): Promise<Part[]> {
  if (ips === undefined) return [];
  for (const ip of ips) {
    await connection.query('select $1::inet', [ip]).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === '22P02')) throw error;
      throw new SupasessionError('SETTING_INVALID', `--ip ${ip}: neither an address nor a range.`, {
        suggestions: ['--ip 203.0.113.7', '--ip 203.0.113.0/24', '--ip 2001:db8::/32'],
        cause: error,
      });
    });
  }

  return [{filter: {ips}, words: `from ${ips.join(' or ')}`}];
}
