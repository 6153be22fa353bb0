import chalk from 'chalk';

import type {UninstallPlan} from './uninstall.js';
import type {ConfiguredIntegration} from '../integration/source.js';
import {commandOn} from '../../database/target.js';
import type {Dependent} from './dependents.js';
import type {Target} from '../../types.js';
import {count, printable} from '../../cli/text.js';

function consequence({kind, restrictive}: Dependent): string {
  switch (kind) {
    case 'policy': {
      return restrictive
        ? chalk.yellow('without it: ended sessions reach these rows again, until their access tokens expire')
        : 'without it: rows that only this policy allows are refused';
    }

    case 'constraint': {
      return chalk.yellow('without it: values that it refuses are accepted');
    }

    case 'default': {
      return 'without it: new rows get no value';
    }

    case 'trigger':
    case 'column': {
      return 'change it by hand';
    }

    default: {
      return 'without it: its callers fail';
    }
  }
}

export function uninstallText(
  {installed, dependents, belongings}: UninstallPlan,
  wires: ConfiguredIntegration,
): string {
  const lines: string[] = [];
  if (belongings !== null) {
    const {rules, events, revoked, deadlines} = belongings;
    lines.push(
      `  ${chalk.bold('Removed')} limits and settings, ${count(rules, 'rule')}, ${count(events, 'event')} of history, the guard if it is enabled`,
      `  ${chalk.bold('Stays')}   users, sessions, and everything else in Auth`,
    );
    if (revoked > 0) {
      lines.push(`  ${chalk.yellow('Note')}    ${count(revoked, 'user')} whose access is revoked can sign in again.`);
    }

    if (deadlines > 0) {
      lines.push(
        `  ${chalk.yellow('Note')}    ${count(deadlines, 'session')} ${deadlines === 1 ? 'has' : 'have'} a deadline. Auth still enforces it, and nothing extends it.`,
        "          To remove supasession's deadlines first: {bin} config --disable, then wait until the sessions have been refreshed.",
      );
    }
  } else if (!installed) lines.push('  This database does not have supasession; only the migration is written.');

  if (wires.hook.ours)
    lines.push(`  ${chalk.bold('First')}   supasession's hook is removed from Auth's configuration.`);
  if (wires.api.exposed) lines.push(`  ${chalk.bold('First')}   the schema supasession is removed from the Data API.`);
  if (dependents.length > 0) {
    lines.push('', `  ${chalk.bold('Used by the project:')}`);
    for (const dependent of dependents) {
      lines.push(`    ${dependent.kind} ${printable(dependent.name)}`, `      ${consequence(dependent)}`);
    }
  }

  return lines.join('\n');
}

/**
 * @param dropped whether --drop-dependents was given: the next run needs it again
 */
export function unwiredText(target: Target, dropped: boolean): string {
  const restart =
    target.kind === 'local'
      ? '{supabase} stop && {supabase} start'
      : 'Wait until Auth and the Data API have been restarted';
  return `${chalk.yellow('Not applied yet:')} Auth and the Data API call supasession until they have been restarted, and would fail without it.\nNext:\n  ${restart}\n  ${commandOn(target, `uninstall${dropped ? ' --drop-dependents' : ''} --apply`)}\n{bin} init would also apply this removal, but asks first.`;
}

export function uninstalledText(): string {
  return `${chalk.green('Removed')} from the target. To install it again: {bin} init`;
}
