import type {Queryable} from '../../database/connection.js';
import {readSql} from '../../database/sql.js';
import {readBasis, readEnding, verdictValues} from '../settings/index.js';
import {device, LONGEST_AGENT} from './device.js';

/** Which sessions; what is not given does not matter. The history keeps it with a flush. */
export interface SessionFilter {
  ids?: string[];
  exceptIds?: string[];
  userIds?: string[];
  exceptUserIds?: string[];
  /** Those that the limit would end now, by the settings and rules of the installation; none while limits are off. */
  overLimit?: boolean;
  /** Signed in at this time or later; times as Postgres reads them. */
  since?: string;
  /** Signed in before this time. */
  before?: string;
  /** Neither signed in nor refreshed since this time. */
  unusedSince?: string;
  /** Past their deadline: Auth refuses their next refresh. */
  expired?: boolean;
  /** Signed in with one factor. */
  aal1?: boolean;
  /** Of this OAuth client. */
  clientId?: string;
  /** From one of these addresses or ranges. */
  ips?: string[];
  /** Whose device, as it is shown, contains this text, in any case. */
  device?: string;
  /** Of users whose app_metadata contains this. */
  appMetadata?: Record<string, unknown>;
}

/** When a session was last signed in or refreshed. Auth keeps refreshed_at without time zone, in UTC. */
export const LAST_USED = "coalesce(s.refreshed_at at time zone 'UTC', s.created_at)";

const USER_AGENT = `coalesce(left(s.user_agent, ${LONGEST_AGENT}), '')`;

/** A condition on `auth.sessions s`. */
export interface Condition {
  /** What comes before `select`. */
  with: string;
  where: string;
  /** The values of its parameters. */
  values: unknown[];
}

/** One condition for each filter: what it compares with stands for `$`. */
const CONDITIONS: ReadonlyArray<[name: keyof SessionFilter, sql: string]> = [
  ['ids', 's.id = any ($::uuid[])'],
  ['exceptIds', 's.id <> all ($::uuid[])'],
  ['userIds', 's.user_id = any ($::uuid[])'],
  ['exceptUserIds', 's.user_id <> all ($::uuid[])'],
  ['since', 's.created_at >= $::timestamptz'],
  ['before', 's.created_at < $::timestamptz'],
  ['unusedSince', `${LAST_USED} < $::timestamptz`],
  ['expired', '$::boolean and s.not_after <= now()'],
  ['aal1', "$::boolean and coalesce(s.aal::text, 'aal1') = 'aal1'"],
  ['clientId', 's.oauth_client_id = $::uuid'],
  ['ips', 's.ip <<= any ($::inet[])'],
  ['device', `${USER_AGENT} = any ($::text[])`],
  ['appMetadata', 's.user_id in (select m.id from auth.users m where m.raw_app_meta_data @> $::jsonb)'],
];

/** The user agents, as far as they count, whose device contains a text: what is searched is what is shown. */
async function agentsOf(db: Queryable, text: string): Promise<string[]> {
  const {rows} = await db.query<{agent: string}>(`select distinct ${USER_AGENT} as agent from auth.sessions s`);
  const part = text.toLowerCase();
  return rows.map(({agent}) => agent).filter((agent) => device(agent).toLowerCase().includes(part));
}

/** @param options `ended`: whether sessions count that are ended and only wait for their last refresh */
export async function condition(db: Queryable, filter: SessionFilter, options: {ended: boolean}): Promise<Condition> {
  const values: unknown[] = [];
  const parameter = (value: unknown): string => `$${values.push(value)}`;
  const conditions: string[] = [];
  let verdicts = '';
  if (filter.overLimit) {
    const basis = await readBasis(db);
    // The query has its own parameters, which come first.
    values.push(...verdictValues(basis, filter.userIds ?? null));
    verdicts = `with verdicts as (${await readSql('queries/verdicts.sql')}) `;
    conditions.push('s.id in (select v.session_id from verdicts v where v.over)', String(basis.settings.enabled));
  } else if (!options.ended) {
    const ending = await readEnding(db);
    if (ending.length > 0) conditions.push(`s.id <> all (${parameter(ending)}::uuid[])`);
  }

  for (const [name, sql] of CONDITIONS) {
    if (filter[name] === undefined) continue;
    const value = name === 'device' ? await agentsOf(db, filter.device!) : filter[name];
    conditions.push(sql.replace('$', () => parameter(value)));
  }

  return {with: verdicts, where: conditions.length === 0 ? 'true' : conditions.join(' and '), values};
}
