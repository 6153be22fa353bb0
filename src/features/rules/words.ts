import type {Policy} from './queries.js';
import type {ListedRule, Rule} from '../settings/index.js';
import {spanWords} from '../../database/spans.js';
import {userName} from '../sessions/index.js';

/** @returns the leaves of an object, with their dotted keys */
export function leaves(object: Record<string, unknown>, prefix = ''): Array<[string, unknown]> {
  return Object.entries(object).flatMap(([key, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? leaves(value as Record<string, unknown>, `${prefix}${key}.`)
      : [[`${prefix}${key}`, value] as [string, unknown]],
  );
}

/** @returns a leaf as it is typed in a claim */
export function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Whom a rule is for. */
export function matchWords(rule: ListedRule): string {
  if (rule.app_metadata !== null) {
    const claims = leaves(rule.app_metadata).map(([key, value]) => `${key} = ${valueText(value)}`);
    return `app_metadata ${claims.join(' and ')}`;
  }

  if (rule.oauth_client_id !== null) return `OAuth client ${rule.oauth_client_id}`;
  return `user ${userName({id: rule.user_id!, email: rule.email, phone: rule.phone})}`;
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

/** What a rule sets, without what it leaves to the settings. */
export function valueWords(rule: Rule): string {
  return [
    ...limitWords(rule),
    ...(rule.strategy === null ? [] : [rule.strategy]),
    ...(rule.no_deadline ? ['no deadline'] : deadlineWords(rule)),
  ].join(', ');
}

export function policyWords(policy: Policy): string {
  const deadlines = deadlineWords(policy);
  return [
    ...limitWords(policy),
    ...(policy.unlimited ? [] : [policy.strategy]),
    ...(deadlines.length === 0 ? ['no deadline'] : deadlines),
  ].join(', ');
}
