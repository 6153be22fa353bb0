import type {Policy} from './queries.js';
import type {ListedRule, Rule} from '../settings/index.js';
import {spanWords} from '../../database/spans.js';
import {userName} from '../sessions/index.js';

/**
 * @param object an object, as a rule matches it
 * @param prefix what its keys go on from
 * @returns its leaves, with their dotted keys
 */
export function leaves(object: Record<string, unknown>, prefix = ''): Array<[string, unknown]> {
  return Object.entries(object).flatMap(([key, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? leaves(value as Record<string, unknown>, `${prefix}${key}.`)
      : [[`${prefix}${key}`, value] as [string, unknown]],
  );
}

/**
 * @param value a leaf
 * @returns the value as it is typed in a claim
 */
export function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/**
 * @param rule a rule
 * @returns whom it is for, in words
 */
export function matchWords(rule: ListedRule): string {
  if (rule.app_metadata !== null) {
    const claims = leaves(rule.app_metadata).map(([key, value]) => `${key} = ${valueText(value)}`);
    return `app_metadata ${claims.join(' and ')}`;
  }

  if (rule.oauth_client_id !== null) return `OAuth client ${rule.oauth_client_id}`;
  return `user ${userName({id: rule.user_id!, email: rule.email, phone: rule.phone})}`;
}

/**
 * @param rule a rule
 * @returns its name as it can be typed
 */
export function typedName({name}: Pick<Rule, 'name'>): string {
  return /^[\w.-]+$/.test(name) ? name : `'${name.replaceAll("'", String.raw`'\''`)}'`;
}

function limitWords({unlimited, max_sessions: max}: Pick<Rule, 'unlimited' | 'max_sessions'>): string[] {
  if (unlimited) return ['no limit'];
  return max === null ? [] : [`at most ${max} session${max === 1 ? '' : 's'}`];
}

function deadlineWords(spans: Pick<Rule, 'timebox' | 'inactivity_timeout'>): string[] {
  const {timebox, inactivity_timeout: inactivity} = spans;
  return [
    ...(timebox === null ? [] : [`ended after ${spanWords(timebox)}`]),
    ...(inactivity === null ? [] : [`ended after ${spanWords(inactivity)} without use`]),
  ];
}

/**
 * @param rule a rule
 * @returns what it sets, in words; what it leaves to the settings is not in them
 */
export function valueWords(rule: Rule): string {
  return [
    ...limitWords(rule),
    ...(rule.strategy === null ? [] : [rule.strategy]),
    ...(rule.no_deadline ? ['no deadline'] : deadlineWords(rule)),
  ].join(', ');
}

/**
 * @param policy what applies to a session
 * @returns the same in words
 */
export function policyWords(policy: Policy): string {
  const deadlines = deadlineWords(policy);
  return [
    ...limitWords(policy),
    ...(policy.unlimited ? [] : [policy.strategy]),
    ...(deadlines.length === 0 ? ['no deadline'] : deadlines),
  ].join(', ');
}
