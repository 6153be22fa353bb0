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
import {matchWords, policyWords, valueWords} from './words.js';
import type {RemovalPlan, RulePlan} from './rules.js';
import {targetFlag} from '../../database/target.js';
import {shellWord} from '../../errors.js';
import type {SavedFile} from '../install/index.js';
import {userName} from '../sessions/index.js';
import type {Settings, Target} from '../../types.js';
import {table} from '../../cli/table.js';
import {count, plural, printable} from '../../cli/text.js';

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

/** What a change of rules does to the sessions that exist. */
export function ruleImpactText({over, spared}: RuleImpact, settings: Settings): string {
  const condition = unlessInForce(settings);
  const lines =
    over.sessions === 0
      ? [`No session would exceed a limit or a deadline${condition}.`]
      : [
          `${chalk.yellow(`${count(over.sessions, 'session')} of ${count(over.users, 'user')}`)} would exceed ${plural(over.sessions, 'its', 'their')} limit or a deadline${condition}.`,
        ];
  if (spared.sessions > 0) lines.push(`${count(spared.sessions, 'session')} would no longer exceed one.`);
  return lines.map((line) => `  ${line}`).join('\n');
}

export function rulePlanText({before, after, matched, impact}: RulePlan, settings: Settings): string {
  const order = after.user_id === null ? `priority ${after.priority}` : 'before all rules for several users';
  const lines = [
    `  ${'Rule'.padEnd(8)}${chalk.bold(printable(after.name))}, ${order}`,
    `  ${'For'.padEnd(8)}${printable(matchWords(after))}`,
    `  ${'Sets'.padEnd(8)}${valueWords(after)}`,
    ...(before === null
      ? []
      : [`  ${'Before'.padEnd(8)}${chalk.dim(`${printable(matchWords(before))}: ${valueWords(before)}`)}`]),
  ];
  const whose = after.oauth_client_id === null ? '' : ' with sessions of that client';
  // Usually a slip in the claim.
  const users =
    matched.users === 0
      ? chalk.yellow(`No user${whose} matches now.`)
      : `${count(matched.users, 'user')}${whose} ${plural(matched.users, 'matches', 'match')} now.`;
  return `${lines.join('\n')}\n\n  ${users}\n${ruleImpactText(impact, settings)}`;
}

export function removalText({removed, impact}: RemovalPlan, settings: Settings): string {
  return `${rulesTable(removed)}\n\n${ruleImpactText(impact, settings)}`;
}

/**
 * @param jwtExpiry lifetime of an access token in seconds; null if unknown
 * @returns what has to be agreed to on a terminal
 */
export function ruleWarnings(rule: Rule, settings: Settings, jwtExpiry: number | null): string[] {
  const {inactivity_timeout: inactivity} = rule;
  const found: string[] = [];
  const limits = rule.max_sessions !== null || rule.unlimited || rule.strategy !== null;
  if (rule.oauth_client_id !== null && limits && settings.oauth_clients === 'ignore')
    found.push(
      `${chalk.yellow('Warning:')} sessions of OAuth clients do not count while the setting oauth_clients is "ignore": only the deadlines of this rule apply.`,
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

export function ruleTestText({user, client, rules, policy}: RuleTest, settings: Settings): string {
  const who = `${printable(userName(user))}${client === null ? '' : `, OAuth client ${client}`}`;
  const lines = [`  ${chalk.bold(who)}`, ''];
  if (rules.length > 0) {
    const winner = policy?.rule ?? null;
    const verdict = (name: string, matches: boolean) =>
      name === winner
        ? chalk.green('applies')
        : matches
          ? 'matches, but another rule comes first'
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
  lines.push(
    policy === null ? '  The row of settings is missing: nothing is limited.' : `  ${policyWords(policy)}: by ${by}.`,
  );
  if (policy !== null && client !== null && settings.oauth_clients === 'ignore')
    lines.push('  Sessions of OAuth clients do not count (oauth_clients is "ignore"): only deadlines apply to them.');
  return lines.join('\n');
}

/** What was written, and how to undo it. */
export function ruleWrittenText({before, after, changed}: RulePlan, target: Target): string {
  if (!changed) return 'Nothing to change: the rule is like this already.';
  if (before !== null) return `${chalk.green('Replaced')} the rule ${after.name}.`;
  const flag = targetFlag(target);
  return `${chalk.green('Added.')} Undo: {bin} rules:remove ${shellWord(after.name)}${flag === '' ? '' : ` ${flag}`}`;
}

export function rulesRemovedText({removed}: RemovalPlan): string {
  return `${chalk.green('Removed')} ${count(removed.length, 'rule')}: the settings apply now, or the next rule that matches.`;
}

export function rulesSavedText({file, written}: SavedFile): string {
  if (!written) return `supabase/migrations/${file} says the same already.`;
  return `${chalk.green('Saved')} to supabase/migrations/${file}.\n  The next "supabase db push" applies it to the linked project.`;
}
