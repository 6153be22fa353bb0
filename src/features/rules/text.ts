import chalk from 'chalk';

import {
  type ListedRule,
  type Rule,
  type RuleImpact,
  rejectWarning,
  signsOutAll,
  trapWarning,
  unlessInForce,
} from '../settings/index.js';
import type {RuleTest} from './rule-test.js';
import {matchWords, policyWords, typedName, valueWords} from './words.js';
import type {RemovalPlan, RulePlan} from './rules.js';
import {targetFlag} from '../../database/target.js';
import type {SavedFile} from '../install/index.js';
import {userName} from '../sessions/index.js';
import type {Settings, Target} from '../../types.js';
import {table} from '../../cli/table.js';
import {count, plural, printable} from '../../cli/text.js';

/** @returns the rules, a line each, in the order given */
export function rulesTable(rules: ListedRule[]): string {
  return table(
    ['Rule', 'Priority', 'For', 'Sets'],
    rules.map((rule) => [
      chalk.bold(printable(rule.name)),
      rule.user_id === null ? String(rule.priority) : 'first',
      printable(matchWords(rule)),
      valueWords(rule),
    ]),
  );
}

/** @returns what a change of rules does to the sessions that exist */
export function ruleImpactText({over, spared}: RuleImpact, settings: Settings): string {
  const condition = unlessInForce(settings);
  const lines =
    over.sessions === 0
      ? [`No session comes over its limit or past a deadline by this${condition}.`]
      : [
          `${chalk.yellow(`${count(over.sessions, 'session')} of ${count(over.users, 'user')}`)} ${plural(over.sessions, 'comes over its', 'come over their')} limit or past a deadline by this${condition}.`,
        ];
  if (spared.sessions > 0)
    lines.push(`${count(spared.sessions, 'session')} ${plural(spared.sessions, 'is', 'are')} no longer over.`);
  return lines.map((line) => `  ${line}`).join('\n');
}

/** @returns the rule that is to be written, and whom it concerns */
export function rulePlanText({before, after, matched, impact}: RulePlan, settings: Settings): string {
  const order = after.user_id === null ? `priority ${after.priority}` : "a user's own rule goes first";
  const lines = [
    `  ${'Rule'.padEnd(8)}${chalk.bold(printable(after.name))}, ${order}`,
    `  ${'For'.padEnd(8)}${printable(matchWords(after))}`,
    `  ${'Sets'.padEnd(8)}${valueWords(after)}`,
    ...(before === null
      ? []
      : [`  ${'Before'.padEnd(8)}${chalk.dim(`${printable(matchWords(before))}: ${valueWords(before)}`)}`]),
  ];
  const whose = after.oauth_client_id === null ? '' : ' with sessions of that client';
  // Most often a slip in the claim.
  const users =
    matched.users === 0
      ? chalk.yellow(`No user${whose} matches now.`)
      : `${count(matched.users, 'user')}${whose} ${plural(matched.users, 'matches', 'match')} now.`;
  return `${lines.join('\n')}\n\n  ${users}\n${ruleImpactText(impact, settings)}`;
}

/** @returns the rules that are to be removed, and whom that concerns */
export function removalText({removed, impact}: RemovalPlan, settings: Settings): string {
  return `${rulesTable(removed)}\n\n${ruleImpactText(impact, settings)}`;
}

/**
 * @param rule a rule that is to be written
 * @param settings the settings in force
 * @param jwtExpiry lifetime of an access token in seconds, or null where it is not known
 * @returns what to know before agreeing to it
 */
export function ruleWarnings(rule: Rule, settings: Settings, jwtExpiry: number | null): string[] {
  const {inactivity_timeout: inactivity} = rule;
  const found: string[] = [];
  const limits = rule.max_sessions !== null || rule.unlimited || rule.strategy !== null;
  if (rule.oauth_client_id !== null && limits && settings.oauth_clients === 'ignore')
    found.push(
      `${chalk.yellow('Warning:')} sessions of OAuth clients do not count while the setting oauth_clients is "ignore": of this rule only deadlines hold.`,
    );
  if (rule.strategy === 'reject') found.push(rejectWarning(settings));
  if (
    inactivity !== null &&
    jwtExpiry !== null &&
    signsOutAll({...settings, inactivity_timeout: inactivity}, jwtExpiry)
  )
    found.push(trapWarning(inactivity, jwtExpiry));
  return found;
}

/** @returns which rule applies, and why not the others */
export function ruleTestText({user, client, rules, policy}: RuleTest, settings: Settings): string {
  const who = `${printable(userName(user))}${client === null ? '' : `, OAuth client ${client}`}`;
  const lines = [`  ${chalk.bold(who)}`, ''];
  if (rules.length > 0) {
    const winner = policy?.rule ?? null;
    const verdict = (name: string, matches: boolean) =>
      name === winner
        ? chalk.green('applies')
        : matches
          ? 'matches, but comes after the one that applies'
          : chalk.dim('does not match');
    lines.push(
      table(
        ['Rule', '', 'Because'],
        rules.map(({name, matches, reason}) => [printable(name), verdict(name, matches), printable(reason)]),
      ),
      '',
    );
  }

  const by = policy?.rule ? `the rule ${chalk.bold(policy.rule)} over the settings` : 'the settings';
  lines.push(policy === null ? '  There are no settings: nothing is limited.' : `  ${policyWords(policy)}: by ${by}.`);
  if (policy !== null && client !== null && settings.oauth_clients === 'ignore')
    lines.push('  Sessions of OAuth clients do not count (oauth_clients is "ignore"): only deadlines hold for them.');
  return lines.join('\n');
}

/** @returns that the rule is written, and how to take it back */
export function ruleWrittenText({before, after, changed}: RulePlan, target: Target): string {
  if (!changed) return 'Nothing to change: the rule is like this already.';
  if (before !== null) return `${chalk.green('Replaced')} the rule ${after.name}.`;
  const flag = targetFlag(target);
  return `${chalk.green('Added.')} Undo: {bin} rules:remove ${typedName(after)}${flag === '' ? '' : ` ${flag}`}`;
}

/** @returns that rules were removed */
export function rulesRemovedText({removed}: RemovalPlan): string {
  return `${chalk.green('Removed')} ${count(removed.length, 'rule')}: what they said is as in the settings now, or as in the next rule that matches.`;
}

/** @returns where a change of rules was saved */
export function rulesSavedText({file, written}: SavedFile): string {
  if (!written) return `supabase/migrations/${file} says the same already.`;
  return `${chalk.green('Saved')} to supabase/migrations/${file}.\n  The next "supabase db push" brings it to the linked project.`;
}
