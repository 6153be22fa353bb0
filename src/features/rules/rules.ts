import {printable} from '../../cli/text.js';
import type {Connection} from '../../database/connection.js';
import {countMatched, readConflictingRules} from './queries.js';
import {
  type ListedRule,
  RULE_COLUMNS,
  type Rule,
  type RuleImpact,
  SETTINGS,
  choiceOf,
  parseClaims,
  previewRules,
  readBasis,
  readRules,
  signsOutAll,
} from '../settings/index.js';
import {shellWord, SupasessionError} from '../../errors.js';
import {inForce, type Settings} from '../../types.js';
import {MIGRATION_NAMES, type MigrationStep} from '../install/index.js';
import {leaves, matchWords, valueWords} from './words.js';
import {parseSpan} from '../../database/spans.js';
import {findUser, isId} from '../sessions/index.js';

/** The default of the column. Rules are tried from the lowest number up. */
export const DEFAULT_PRIORITY = 100;

/** In seconds. A shorter deadline is a slip of the unit. */
const SHORTEST_DEADLINE = 60;

/** A rule, as typed. */
export interface RuleFlags {
  claim?: string[] | undefined;
  user?: string | undefined;
  client?: string | undefined;
  max?: number | undefined;
  unlimited: boolean;
  strategy?: string | undefined;
  timebox?: string | undefined;
  inactivity?: string | undefined;
  'no-deadline': boolean;
  priority: number;
}

/** The flags that say whom a rule is for, and those that say what applies to them. */
const MATCHES = ['claim', 'user', 'client'] as const;
const VALUES = ['max', 'unlimited', 'strategy', 'timebox', 'inactivity', 'no-deadline'] as const;

/** In characters: a longer name leaves no room for the rest of a line. */
const LONGEST_NAME = 60;

/** Whether a name can be typed again, as `rules remove` needs it: what a terminal does not show cannot. */
function isTypable(name: string): boolean {
  return name.length <= LONGEST_NAME && printable(name) === name && !name.startsWith('-');
}

/** Whether a rule as typed says whom it is for, and what applies to them. */
export function ruleGiven(flags: RuleFlags): {match: boolean; values: boolean} {
  const given = (name: keyof RuleFlags) => flags[name] !== undefined && flags[name] !== false;
  return {match: MATCHES.some(given), values: VALUES.some(given)};
}

/** @throws SupasessionError USAGE for what is no id */
export function parseClient(text: string | undefined): string | null {
  if (text !== undefined && !isId(text))
    throw new SupasessionError('USAGE', `--client ${text}: the id of an OAuth client is a UUID.`);
  return text?.toLowerCase() ?? null;
}

/**
 * @returns a span of time as Postgres prints it
 * @throws SupasessionError SETTING_INVALID
 */
export async function parseDeadline(connection: Connection, flag: string, text: string): Promise<string> {
  return (await parseSpan(connection, flag, text, {shortest: SHORTEST_DEADLINE})).text;
}

/**
 * Reads a rule; does not look whether there is one already.
 * @throws SupasessionError USAGE for a rule without a name, a match or a value, and for ids and claims that are none; USER_NOT_FOUND;
 * SETTING_INVALID for a span of time
 */
export async function parseRule(
  connection: Connection,
  name: string | undefined,
  flags: RuleFlags,
): Promise<ListedRule> {
  const usage = (message: string, suggestion: string) =>
    new SupasessionError('USAGE', message, {suggestions: [suggestion, '{bin} rules:add --help']});
  const example = '{bin} rules:add pro --claim plan=pro --max 5';
  if (name === undefined || name.trim() === '') throw usage('A rule needs a name.', example);
  if (!isTypable(name)) {
    throw usage(
      `The name of a rule has at most ${LONGEST_NAME} characters, no control characters, and no - at its beginning.`,
      example,
    );
  }

  const given = ruleGiven(flags);
  if (!given.match) throw usage('Whom is the rule for? Give --claim, --user or --client.', example);
  if (!given.values) throw usage('The rule would change nothing. Give a limit, a strategy or a deadline.', example);

  const {claim, user, timebox, inactivity} = flags;
  const client = parseClient(flags.client);
  const found = user === undefined ? null : await findUser(connection, user);
  const deadline = async (flag: string, text: string | undefined) =>
    text === undefined ? null : parseDeadline(connection, flag, text);
  return {
    name: name.trim(),
    priority: flags.priority,
    user_id: found?.id ?? null,
    email: found?.email ?? null,
    phone: found?.phone ?? null,
    app_metadata: claim === undefined ? null : parseClaims(claim),
    oauth_client_id: client,
    max_sessions: flags.max ?? null,
    unlimited: flags.unlimited,
    strategy: choiceOf(SETTINGS.strategy, flags.strategy) ?? null,
    timebox: await deadline('--timebox', timebox),
    inactivity_timeout: await deadline('--inactivity', inactivity),
    no_deadline: flags['no-deadline'],
  };
}

/** A rule that is to be written, and what that would do. */
export interface RulePlan {
  /** The rule that it replaces. */
  before: ListedRule | null;
  after: ListedRule;
  /** Whether it differs from that. */
  changed: boolean;
  /** Users it matches now. */
  matched: {users: number};
  impact: RuleImpact;
}

function sameRule(a: Rule, b: Rule): boolean {
  // The database orders keys in its own way.
  const text = (rule: Rule) =>
    JSON.stringify([
      ...RULE_COLUMNS.map((column) => (column === 'app_metadata' ? null : rule[column])),
      ...leaves(rule.app_metadata ?? {})
        .map((leaf) => JSON.stringify(leaf))
        .sort(),
    ]);
  return text(a) === text(b);
}

/**
 * @param replace whether it may replace the rule of its name
 * @throws SupasessionError RULE_EXISTS (`details.rule` is the one that is there), also if the user has a rule of another name
 */
export async function planRule(connection: Connection, rule: ListedRule, replace: boolean): Promise<RulePlan> {
  const conflicting = await readConflictingRules(connection, rule);
  const before = conflicting.find(({name}) => name === rule.name) ?? null;
  if (before !== null && !replace) throw ruleExists(before, ['Add --replace to replace it']);
  const other = conflicting.find(({name}) => name !== rule.name);
  if (other !== undefined) throw ruleExists(other, [`{bin} rules:remove ${shellWord(other.name)}`]);
  const basis = await readBasis(connection);
  const rules = [...basis.rules.filter(({name}) => name !== rule.name), rule];
  return {
    before,
    after: rule,
    changed: before === null || !sameRule(before, rule),
    matched: {users: await countMatched(connection, rule)},
    impact: await previewRules(connection, basis, rules),
  };
}

function ruleExists(rule: ListedRule, suggestions: string[]): SupasessionError {
  return new SupasessionError(
    'RULE_EXISTS',
    `There is a rule "${rule.name}" for ${matchWords(rule)}: ${valueWords(rule)}.`,
    {suggestions, details: {rule}},
  );
}

/** Rules that are to be removed, and what that would do. */
export interface RemovalPlan {
  removed: ListedRule[];
  impact: RuleImpact;
}

/** @throws SupasessionError RULE_NOT_FOUND */
export async function planRemoval(connection: Connection, names: string[]): Promise<RemovalPlan> {
  const rules = await readRules(connection);
  const missing = names.filter((name) => !rules.some((rule) => rule.name === name));
  if (missing.length > 0) {
    throw new SupasessionError(
      'RULE_NOT_FOUND',
      `There is no rule ${missing.map((name) => `"${name}"`).join(', ')}: nothing was removed.`,
      {suggestions: ['{bin} rules:list']},
    );
  }

  const basis = await readBasis(connection);
  const kept = basis.rules.filter(({name}) => !names.includes(name));
  return {
    removed: rules.filter(({name}) => names.includes(name)),
    impact: await previewRules(connection, basis, kept),
  };
}

/** Whether a change of rules ends sessions that would otherwise go on. */
export function changeEndsSessions(settings: Settings, impact: RuleImpact): boolean {
  return inForce(settings) && impact.over.sessions > 0;
}

/** The same for a rule, which may also sign everybody out. */
export function ruleEndsSessions(plan: RulePlan, settings: Settings, jwtExpiry: number | null): boolean {
  const {after, matched, impact} = plan;
  const trapped = signsOutAll({...settings, inactivity_timeout: after.inactivity_timeout}, jwtExpiry);
  return changeEndsSessions(settings, impact) || (trapped && inForce(settings) && matched.users > 0);
}

/** @throws SupasessionError USAGE for a rule for one user, which no migration can carry */
export function requireSavableRules(rules: Rule[]): void {
  const own = rules.filter(({user_id: userId}) => userId !== null);
  if (own.length === 0) return;
  throw new SupasessionError(
    'USAGE',
    `--save: ${own.map(({name}) => `"${name}"`).join(', ')} is for one user, whose id differs in every database.`,
    {suggestions: ['Leave --save out', 'Or match users by their app_metadata: --claim plan=pro']},
  );
}

function literal(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `'${text.replaceAll("'", "''")}'`;
}

const SAVED_LINE = (command: string) => [`-- Written by "supasession rules ${command} --save".`];

export function ruleStep(rule: Rule): MigrationStep {
  return {
    kind: 'rules',
    name: MIGRATION_NAMES.rules,
    lines: SAVED_LINE('add'),
    sql: `insert into supasession.rules
    (${RULE_COLUMNS.join(', ')})
values
    (${RULE_COLUMNS.map((column) => literal(rule[column])).join(', ')})
on conflict (name) do update set
${RULE_COLUMNS.filter((column) => column !== 'name')
  .map((column) => `    ${column} = excluded.${column}`)
  .join(',\n')};
`,
  };
}

export function removalStep(rules: Rule[]): MigrationStep {
  return {
    kind: 'rules',
    name: MIGRATION_NAMES.rules,
    lines: SAVED_LINE('remove'),
    sql: `delete from supasession.rules where name in (${rules.map(({name}) => literal(name)).join(', ')});\n`,
  };
}
