import {readSql} from '../../database/sql.js';
import {DEFAULT_SETTINGS, type Settings} from '../../types.js';
import type {Queryable} from '../../database/connection.js';
import {readSettings} from './queries.js';
import {readInstalled} from '../install/index.js';
import {readRules, type Rule} from './rules.js';

/** What sessions are judged by. */
export interface Basis {
  settings: Settings;
  rules: Rule[];
  /** Ids of sessions that count as ended, although they are still in the table: those in pending_ends. */
  ending: string[];
}

/** Of an installed database; ids of the sessions that count as ended and are still in the table. */
async function readPendingEnds(db: Queryable): Promise<string[]> {
  const {rows} = await db.query<{ids: string[]}>(
    'select array(select session_id from supasession.pending_ends) as ids',
  );
  return rows[0]!.ids;
}

/** The same; none without an installation. */
export async function readEnding(db: Queryable): Promise<string[]> {
  return (await readInstalled(db)).version === null ? [] : readPendingEnds(db);
}

/** What an installed database judges sessions by, with settings that may differ from its own. */
export async function basisWith(db: Queryable, settings: Settings): Promise<Basis> {
  return {settings, rules: await readRules(db), ending: await readPendingEnds(db)};
}

/** What a database judges sessions by; the defaults without an installation. */
export async function readBasis(db: Queryable): Promise<Basis> {
  const {version} = await readInstalled(db);
  if (version === null) return {settings: DEFAULT_SETTINGS, rules: [], ending: []};
  return basisWith(db, {...DEFAULT_SETTINGS, ...(await readSettings(db))});
}

/**
 * The parameters of verdicts.sql.
 * @param users whose sessions; null for all
 */
export function verdictValues({settings, rules, ending}: Basis, users: string[] | null): unknown[] {
  return [JSON.stringify(settings), JSON.stringify(rules), users, ending];
}

/** Users and sessions that limit and deadlines apply to. */
export interface Impact {
  /** Users with more live sessions than the limit, and the sessions above it. */
  overLimit: {users: number; sessions: number};
  /** Users with exactly as many as the limit. */
  atLimit: {users: number};
  /** Live sessions that are older, or have been unused for longer, than the deadlines allow. */
  expiring: {sessions: number};
}

/** The same, with what follows from it. */
export interface ImpactReport {
  impact: Impact;
  /** The most sessions that one user is over the limit by. */
  mostOver: number;
  /** What enforce() would do: a session that is over the limit and past a deadline expires. */
  due: {evicted: number; expired: number; deadlines: number};
}

export const NO_IMPACT: ImpactReport = {
  impact: {overLimit: {users: 0, sessions: 0}, atLimit: {users: 0}, expiring: {sessions: 0}},
  mostOver: 0,
  due: {evicted: 0, expired: 0, deadlines: 0},
};

type ImpactColumn =
  'deadlines' | 'evicted' | 'most_over' | 'sessions_expiring' | 'sessions_over' | 'users_at' | 'users_over';

/** Works without an installation too: a live project can be judged before. */
export async function readImpact(db: Queryable, basis: Basis): Promise<ImpactReport> {
  const {rows} = await db.query<Record<ImpactColumn, string>>(
    await readSql('queries/impact.sql'),
    verdictValues(basis, null),
  );
  const number = (column: ImpactColumn) => Number(rows[0]![column]);
  return {
    impact: {
      overLimit: {users: number('users_over'), sessions: number('sessions_over')},
      atLimit: {users: number('users_at')},
      expiring: {sessions: number('sessions_expiring')},
    },
    mostOver: number('most_over'),
    due: {evicted: number('evicted'), expired: number('sessions_expiring'), deadlines: number('deadlines')},
  };
}

/** What a change of rules does to the sessions that are live now. */
export interface RuleImpact {
  /** Live sessions that the change puts over their limit or past a deadline, and their users. */
  over: {sessions: number; users: number};
  /** Live sessions that are so now, and would no longer be. */
  spared: {sessions: number};
}

interface Affected {
  ids: string[];
  sessions: string;
  users: string;
  spared: string;
}

async function readAffected(db: Queryable, basis: Basis, before: string[]): Promise<Affected> {
  const {rows} = await db.query<Affected & Record<string, unknown>>(await readSql('queries/affected.sql'), [
    ...verdictValues(basis, null),
    before,
  ]);
  return rows[0]!;
}

/** What a change to these rules would do. */
export async function previewRules(db: Queryable, basis: Basis, rules: Rule[]): Promise<RuleImpact> {
  const {ids} = await readAffected(db, basis, []);
  const {sessions, users, spared} = await readAffected(db, {...basis, rules}, ids);
  return {over: {sessions: Number(sessions), users: Number(users)}, spared: {sessions: Number(spared)}};
}
