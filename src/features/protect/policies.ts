import {type Policy, type TableName} from './queries.js';
import {identifier, qualified} from './tables.js';

export const COMMANDS = ['all', 'select', 'insert', 'update', 'delete'] as const;
export type PolicyCommand = (typeof COMMANDS)[number];

/** Every policy of `protect add` begins with this. */
export const PREFIX = 'supasession_access';

/** What a policy of `protect add` says. */
export interface Protection {
  command: PolicyCommand;
  /** The most time since the sign-in, as Postgres prints spans; null for any. */
  maxAge: string | null;
}

export function policyName({command, maxAge}: Protection): string {
  return `${PREFIX}${maxAge === null ? '' : '_max_age'}${command === 'all' ? '' : `_${command}`}`;
}

/** Every name that a policy of `protect add` may have. */
export const NAMES = [null, 'any'].flatMap((maxAge) => COMMANDS.map((command) => policyName({command, maxAge})));

/** Each function is in a subquery, so that it runs once per statement and not once per row. A session without a sign-in has no age: null refuses. */
function condition(maxAge: string | null): string {
  const access = '(select supasession.has_access())';
  return maxAge === null
    ? access
    : `${access} and (select supasession.session_age()) < interval '${maxAge.replaceAll("'", "''")}'`;
}

/** The same condition as Postgres prints it. */
function printed(maxAge: string | null): string {
  const access = '( SELECT supasession.has_access() AS has_access)';
  return maxAge === null
    ? access
    : `(${access} AND (( SELECT supasession.session_age() AS session_age) < '${maxAge}'::interval))`;
}

/** Which of its two expressions a policy may have. */
function clauses(command: PolicyCommand): {using: boolean; check: boolean} {
  return {using: command !== 'insert', check: command !== 'select' && command !== 'delete'};
}

export function isAsWritten(policy: Policy, {command, maxAge}: Protection): boolean {
  const {using, check} = clauses(command);
  return (
    !policy.permissive &&
    policy.command === command &&
    policy.roles.join() === 'anon,authenticated' &&
    policy.using === (using ? printed(maxAge) : null) &&
    policy.check === (check ? printed(maxAge) : null)
  );
}

export function createStatement(table: TableName, protection: Protection): string {
  const {using, check} = clauses(protection.command);
  const text = condition(protection.maxAge);
  return [
    `    create policy ${identifier(policyName(protection))} on ${qualified(table)}`,
    `        as restrictive for ${protection.command} to anon, authenticated`,
    ...(using ? [`        using (${text})`] : []),
    ...(check ? [`        with check (${text})`] : []),
  ].join('\n');
}

export function dropStatement(table: TableName, name: string): string {
  return `    drop policy if exists ${identifier(name)} on ${qualified(table)}`;
}

/** One block is one statement however the file is run: the table is never without the policies. */
export function block(statements: string[]): string {
  const body = statements.map((statement) => `${statement};`).join('\n');
  let tag = '$$';
  for (let number = 1; body.includes(tag); number++) tag = `$protect${number}$`;
  return `do ${tag}
begin
    -- Making a policy locks the table (on hosted projects those of Auth and Storage as well): giving up is better than letting requests queue.
    set local lock_timeout = '250ms';
${body}
end
${tag};
`;
}

/** Re-runnable. */
export function protectionSql(table: TableName, protections: Protection[]): string {
  return block(
    protections.flatMap((protection) => [
      dropStatement(table, policyName(protection)),
      createStatement(table, protection),
    ]),
  );
}

export function commandOf(name: string): PolicyCommand {
  return COMMANDS.find((command) => name.endsWith(`_${command}`)) ?? 'all';
}

/** What a policy says, and whether it differs from what `protect add` writes. */
export function described(policy: Policy): Protection & {edited: boolean} {
  const maxAge = /session_age\) < '([^']+)'::interval/.exec(policy.using ?? policy.check ?? '')?.[1] ?? null;
  const protection = {command: policy.command, maxAge};
  return {...protection, edited: policy.name !== policyName(protection) || !isAsWritten(policy, protection)};
}

/** By default one policy for all commands; with a maximum age one more for each command that writes. */
export function protectionsFor(commands: readonly PolicyCommand[], maxAge: string | null): Protection[] {
  if (commands.length > 0) return commands.map((command) => ({command, maxAge}));
  const always: Protection = {command: 'all', maxAge: null};
  if (maxAge === null) return [always];
  return [always, ...(['insert', 'update', 'delete'] as const).map((command) => ({command, maxAge}))];
}
