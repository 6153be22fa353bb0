import {readSql} from '../../database/sql.js';
import type {Settings} from '../../types.js';
import type {Queryable} from '../../database/connection.js';
import {LISTED, type ListedRule, ORDER, RULE_COLUMNS, type Rule} from '../settings/index.js';

/** @returns the rules that are in the way of a new one: that of its name, and that for its user */
export async function readConflictingRules(db: Queryable, rule: Pick<Rule, 'name' | 'user_id'>): Promise<ListedRule[]> {
  const {rows} = await db.query<{rule: ListedRule}>(`${LISTED} where r.name = $1 or r.user_id = $2::uuid ${ORDER}`, [
    rule.name,
    rule.user_id,
  ]);
  return rows.map(({rule: found}) => found);
}

/** Writes a rule; replaces the one of its name. */
export async function writeRule(db: Queryable, rule: Rule): Promise<void> {
  await db.query(
    `insert into supasession.rules (${RULE_COLUMNS.join(', ')})
    select ${RULE_COLUMNS.join(', ')} from jsonb_populate_record(null::supasession.rules, $1)
    on conflict (name) do update set ${RULE_COLUMNS.map((column) => `${column} = excluded.${column}`).join(', ')}`,
    [JSON.stringify(rule)],
  );
}

/** Rules that are gone already are no error. */
export async function deleteRules(db: Queryable, names: string[]): Promise<void> {
  await db.query('delete from supasession.rules where name = any ($1)', [names]);
}

/** @returns how many users a rule matches, written or not; for an OAuth client those who have sessions of it */
export async function countMatched(db: Queryable, rule: Rule): Promise<number> {
  const {rows} = await db.query<{users: string}>(
    `select count(*) as users
    from auth.users u
    where u.id = $1::uuid
      or u.raw_app_meta_data @> $2::jsonb
      or ($3::uuid is not null and exists (select from auth.sessions s where s.user_id = u.id and s.oauth_client_id = $3::uuid))`,
    [rule.user_id, rule.app_metadata === null ? null : JSON.stringify(rule.app_metadata), rule.oauth_client_id],
  );
  return Number(rows[0]!.users);
}

/** A rule, tried on one user. */
export interface JudgedRule {
  rule: ListedRule;
  matches: boolean;
}

/**
 * Tries every rule on a user, each by itself, as _apply_rule() in SQL does.
 * @param clientId the OAuth client of the session; null for sessions of the app itself
 * @returns all rules in their order, and the user's app_metadata
 */
export async function judgeRules(
  db: Queryable,
  userId: string,
  clientId: string | null,
): Promise<{rules: JudgedRule[]; appMetadata: Record<string, unknown>}> {
  const {rows} = await db.query<{app_metadata: Record<string, unknown>; rules: JudgedRule[]}>(
    `select
      coalesce(a.raw_app_meta_data, '{}') as app_metadata,
      array(
        select jsonb_build_object(
          'rule', r.rule,
          'matches', coalesce(
            r.user_id = a.id or (r.user_id is null and (a.raw_app_meta_data @> r.app_metadata or r.oauth_client_id = $2::uuid)),
            false
          )
        )
        from (
          select r.*, to_jsonb(r) || jsonb_build_object('email', nullif(u.email, ''), 'phone', nullif(u.phone, '')) as rule
          from supasession.rules r
          left join auth.users u on u.id = r.user_id
        ) r
        ${ORDER}
      ) as rules
    from auth.users a
    where a.id = $1::uuid`,
    [userId, clientId],
  );
  return {rules: rows[0]?.rules ?? [], appMetadata: rows[0]?.app_metadata ?? {}};
}

/** What applies to a session, by rule and settings. */
export interface Policy {
  /** The rule that applies; null if only the settings do. */
  rule: string | null;
  unlimited: boolean;
  max_sessions: number;
  strategy: Settings['strategy'];
  timebox: string | null;
  inactivity_timeout: string | null;
}

/** @returns what applies; undefined without a row of settings, and so without limits */
export async function readPolicy(db: Queryable, userId: string, clientId: string | null): Promise<Policy | undefined> {
  const {rows} = await db.query<{policy: Policy}>(
    `select to_jsonb(p) as policy from (${await readSql('queries/policy.sql')}) p`,
    [userId, clientId],
  );
  return rows[0]?.policy;
}
