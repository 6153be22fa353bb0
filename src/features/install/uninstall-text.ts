import chalk from 'chalk';

import type {UninstallPlan} from './uninstall.js';
import type {ConfiguredIntegration} from '../integration/source.js';
import {commandOn} from '../../database/target.js';
import type {Dependent} from './dependents.js';
import type {Target} from '../../types.js';
import {count, printable} from '../../cli/text.js';

/** What is different without it, in a few words. */
function consequence({kind, restrictive}: Dependent): string {
  switch (kind) {
    case 'policy': {
      return restrictive
        ? chalk.yellow('without it: sessions that have ended get at these rows again, until their access token expires')
        : 'without it: what it alone allows is refused';
    }

    case 'constraint': {
      return chalk.yellow('without it: what it refuses is let in');
    }

    case 'default': {
      return 'without it: new rows have nothing there';
    }

    case 'trigger':
    case 'column': {
      return 'to be changed by hand';
    }

    default: {
      return 'without it: whatever calls it fails';
    }
  }
}

/** @returns what uninstalling comes to, before it is asked about */
export function uninstallText(
  {installed, dependents, belongings}: UninstallPlan,
  wires: ConfiguredIntegration,
): string {
  const lines: string[] = [];
  if (belongings !== null) {
    const {rules, events, revoked, deadlines} = belongings;
    lines.push(
      `  ${chalk.bold('Goes')}    limits and settings, ${count(rules, 'rule')}, ${count(events, 'event')} of history, the guard`,
      `  ${chalk.bold('Stays')}   users, sessions, and everything else of Auth`,
    );
    if (revoked > 0) {
      lines.push(`  ${chalk.yellow('Note')}    ${count(revoked, 'user')} whose access is revoked can sign in again.`);
    }

    if (deadlines > 0) {
      lines.push(
        `  ${chalk.yellow('Note')}    ${count(deadlines, 'session')} ${deadlines === 1 ? 'has' : 'have'} a deadline. Auth keeps to it, and nobody moves it on any more.`,
        '          To take ours back first: {bin} config --disable, and wait until the sessions have been refreshed.',
      );
    }
  } else if (!installed) lines.push('  This database does not have supasession; only the migration is written.');

  if (wires.hook.ours) lines.push(`  ${chalk.bold('First')}   our hook is taken out of the configuration of Auth.`);
  if (wires.api.exposed) lines.push(`  ${chalk.bold('First')}   our schema is taken out of what the Data API exposes.`);
  if (dependents.length > 0) {
    lines.push('', `  ${chalk.bold('Used by the project:')}`);
    for (const dependent of dependents) {
      lines.push(`    ${dependent.kind} ${printable(dependent.name)}`, `      ${consequence(dependent)}`);
    }
  }

  return lines.join('\n');
}

/**
 * @param dropped whether objects of the project are dropped with it: until they are, uninstalling refuses without that flag
 * @returns why it is not applied yet, and what to do
 */
export function unwiredText(target: Target, dropped: boolean): string {
  const restart =
    target.kind === 'local'
      ? '{supabase} stop && {supabase} start'
      : 'wait until Auth and the Data API have been restarted';
  return `${chalk.yellow('Not applied yet:')} Auth and the Data API call supasession until they have been restarted, and would fail without it.\nNext:\n  ${restart}\n  ${commandOn(target, `uninstall${dropped ? ' --drop-dependents' : ''} --apply`)}\n{bin} init would apply this removal first: it asks before it does.`;
}

/** @returns that it is done */
export function uninstalledText(): string {
  return `${chalk.green('Removed')} from the target. {bin} init brings it back.`;
}
