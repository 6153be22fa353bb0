import type {Connection} from '../../database/connection.js';
import {judgeRules, readPolicy, type Policy} from './queries.js';
import type {ListedRule} from '../settings/index.js';
import {type User, findUser} from '../sessions/index.js';
import {leaves, matchWords, valueText} from './words.js';
import {parseClient} from './rules.js';

/** One rule, and whether it matches a session. */
export interface RuleVerdict {
  name: string;
  matches: boolean;
  /** Why, in words. */
  reason: string;
}

/** What applies to the sessions of a user, and why. */
export interface RuleTest {
  user: User;
  client: string | null;
  /** All rules, in the order in which they are tried. */
  rules: RuleVerdict[];
  /** Null without a row of settings. */
  policy: Policy | null;
}

/** What the user's app_metadata has at a dotted key. */
function claimAt(metadata: Record<string, unknown>, key: string): unknown {
  return key
    .split('.')
    .reduce<unknown>(
      (value, part) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, part)
          ? (value as Record<string, unknown>)[part]
          : undefined,
      metadata,
    );
}

function reasonWords(rule: ListedRule, metadata: Record<string, unknown>, client: string | null): string {
  if (rule.user_id !== null) return `it is for ${matchWords(rule)}`;
  if (rule.oauth_client_id !== null)
    return client === null
      ? 'the session belongs to no OAuth client'
      : `the session belongs to the OAuth client ${client}`;
  return leaves(rule.app_metadata!)
    .map(([key]) => {
      const value = claimAt(metadata, key);
      return value === undefined ? `app_metadata has no ${key}` : `app_metadata has ${key} = ${valueText(value)}`;
    })
    .join(', ');
}

/** @throws SupasessionError USER_NOT_FOUND; USAGE for what is no id of a client */
export async function testRules(connection: Connection, text: string, client: string | undefined): Promise<RuleTest> {
  const clientId = parseClient(client);
  const user = await findUser(connection, text);
  const {rules, appMetadata} = await judgeRules(connection, user.id, clientId);
  return {
    user,
    client: clientId,
    rules: rules.map(({rule, matches}) => ({
      name: rule.name,
      matches,
      reason: reasonWords(rule, appMetadata, clientId),
    })),
    policy: (await readPolicy(connection, user.id, clientId)) ?? null,
  };
}
