import chalk from 'chalk';

import type {HookPlan} from './hook.js';
import {commandOn, targetFlag} from '../../database/target.js';
import {functionText, hookUri, OUR_HOOK, type ChangedPart, type SwitchState} from './source.js';
import type {Target} from '../../types.js';
import {fileName, line, localToo, RESTART} from './text.js';

const OURS = `supasession.${OUR_HOOK.name}`;

export function hookText(plan: HookPlan, target: Target): string {
  return [...planLines(plan, target), ...(plan.idle ? [line('Note', idleText(target))] : [])].join('\n');
}

function idleText(target: Target): string {
  return `the strategy dequeue refuses nobody, so the hook has no effect yet. To refuse sign-ins: ${commandOn(target, 'config --strategy reject')}`;
}

function planLines(plan: HookPlan, target: Target): string[] {
  const {wanted, next, step, edit, send, replaced, leftover, dropped, rejectInHook} = plan;
  const own = next === null ? null : functionText(next);
  const asYet = plan.present === 'enabled' ? '' : ', before Auth calls that hook';
  const effects = target.kind === 'local' ? `when Auth restarts: ${RESTART}` : 'when Auth has the change';
  const where = [
    ...(send === null ? [] : [`the Auth settings of project ${target.projectRef}`]),
    ...(edit === null ? [] : [fileName(edit)]),
  ];
  const lines =
    wanted === 'enabled'
      ? [
          line('Auth', `calls ${chalk.bold(OURS)}, which answers 403 to a refused sign-in`),
          line(
            'Own hook',
            own === null
              ? 'none'
              : `${own} is kept: supasession's hook calls it with Auth's role, and returns its answer`,
          ),
          ...(step === null ? [] : [line('First', `a migration lets supasession's hook call ${own}${asYet}`)]),
        ]
      : [
          ...(rejectInHook
            ? [line('First', 'reject_in_hook is switched off: the app gets an error 500 for a refused sign-in again')]
            : []),
          ...(plan.present === 'disabled'
            ? []
            : [line('Auth', own === null ? 'calls no access token hook' : `calls ${chalk.bold(own)} again`)]),
          ...(step === null
            ? []
            : [
                line('Database', "a migration stops supasession's hook from calling another hook"),
                line('Elsewhere', 'disable the hook in every environment before you apply this migration there'),
              ]),
        ];
  return [
    ...lines,
    ...(where.length === 0 ? [] : [line('Changes', where.join(', then ')), line('Takes effect', effects)]),
    ...(replaced === null ? [] : [line('Overwrites', `${replaced}, which is switched off; it is not restored later`)]),
    ...(dropped === null
      ? []
      : [line('Not restored', `${functionText(dropped.hook)}, because ${dropped.reason}: every sign-in would fail`)]),
    ...(leftover === null || plan.present === 'disabled'
      ? []
      : [line('Stays', `supasession's hook calls ${functionText(leftover)} until Auth has been restarted`)]),
  ];
}

export function hookAlready({wanted, leftover, next, idle}: HookPlan, target: Target): string {
  if (wanted === 'enabled') {
    const own = next === null ? '' : `, which calls ${functionText(next)}`;
    return `Nothing to do: Auth is already configured to call supasession's hook${own}.${idle ? `\nNote: ${idleText(target)}` : ''}`;
  }

  const already = "Nothing to do: Auth is not configured to call supasession's hook.";
  return leftover === null ? already : `${already}\n${leftoverText(functionText(leftover), target)}`;
}

function leftoverText(hook: string, target: Target): string {
  // The platform restarts Auth by itself.
  const restarted =
    target.projectRef === null ? 'Once Auth has been restarted' : 'After some minutes, when Auth has the change';
  return `supasession's hook would still call ${hook}, which does no harm. ${restarted}: ${commandOn(target, 'hook:disable --auth-restarted --apply')}`;
}

export function hookPending(target: Target): string {
  return `Auth was not configured: the migration is required first, so that supasession's hook calls the project's own hook. After that: ${commandOn(target, 'hook:enable')}`;
}

export function hookInstructions({wanted, next, byHand}: HookPlan, target: Target): string {
  const uri = wanted === 'enabled' ? hookUri(OUR_HOOK) : next === null ? null : hookUri(next);
  const hook = wanted === 'enabled' ? OUR_HOOK : next;
  const head = chalk.yellow('Not verified.');
  if (target.kind === 'local')
    return `${head} supasession does not edit this file. Change it yourself:\n${byHand ?? ''}`;
  const file = byHand === null ? '' : `\nAlso change this file, because "supabase config push" sends it:\n${byHand}`;
  if (target.projectRef !== null) {
    const page = `https://supabase.com/dashboard/project/${target.projectRef}/auth/hooks`;
    const what =
      hook === null
        ? 'switch the "Customize Access Token (JWT) Claims" hook off'
        : `set the "Customize Access Token (JWT) Claims" hook to Postgres, schema ${hook.schema}, function ${hook.name}`;
    const other =
      wanted === 'enabled' && next === null
        ? `\n  If another function is set there, do not replace it yet: ${commandOn(target, 'hook:enable --next-hook <schema.function> --apply')}`
        : '';
    return `${head} There is no access token ({supabase} login, or SUPABASE_ACCESS_TOKEN). Set this yourself:\n  Authentication > Hooks, ${page}\n  ${what}${other}${file}`;
  }

  const variables = [
    `GOTRUE_HOOK_CUSTOM_ACCESS_TOKEN_ENABLED=${uri === null ? 'false' : 'true'}`,
    ...(uri === null ? [] : [`GOTRUE_HOOK_CUSTOM_ACCESS_TOKEN_URI=${uri}`]),
  ];
  const other =
    wanted === 'enabled' && next === null
      ? `\nIf these variables already name another hook, do not replace it yet: ${commandOn(target, 'hook:enable --next-hook <schema.function>')}`
      : '';
  return `${head} Set these variables for Auth, and restart it:\n${variables.map((variable) => `  ${variable}`).join('\n')}${other}`;
}

export function hookUnverified(): string {
  return `${chalk.yellow('Not verified:')} config.toml was updated, but an environment variable may override it: SUPABASE_AUTH_HOOK_CUSTOM_ACCESS_TOKEN_...`;
}

export function hookDone({wanted, where, leftover, edit}: HookPlan, target: Target, changed: ChangedPart[]): string {
  const lines: string[] = [];
  const configured = changed.includes('config.toml') || changed.includes('management-api');
  if (changed.includes('reject_in_hook')) {
    lines.push('reject_in_hook is now off. The history shows the change.');
  }

  if (configured) {
    lines.push(
      wanted === 'enabled'
        ? `${chalk.green('The hook is configured.')} Undo: ${commandOn(target, 'hook:disable')}`
        : `${chalk.yellow('The hook is no longer configured.')} Undo: ${commandOn(target, 'hook:enable')}`,
    );
  } else if (changed.includes('next_hook') && wanted === 'disabled') {
    lines.push(`${chalk.green('Done.')} supasession's hook no longer calls another hook.`);
  }

  const restart = target.kind === 'local' && (changed.includes('config.toml') || where === 'instructions');
  const next = [
    ...(restart ? [`${RESTART}   (Auth reads config.toml when it starts)`] : []),
    ...(wanted === 'enabled' ? [`${commandOn(target, 'config --reject-in-hook')}   (once Auth calls the hook)`] : []),
  ];
  if (wanted === 'enabled' || restart) lines.push('Next:', ...next.map((step) => `  ${step}`));
  if (wanted === 'enabled' && target.kind !== 'local' && changed.includes('config.toml')) lines.push(localToo());
  if (wanted === 'disabled' && leftover !== null) lines.push(leftoverText(functionText(leftover), target));
  else if (wanted === 'disabled' && restart) lines.push('Only after that: {bin} uninstall');
  if (edit !== null && targetFlag(target) !== '' && !changed.includes('config.toml')) {
    lines.push(`${fileName(edit)} was not changed: "supabase config push" would undo this.`);
  }

  return lines.join('\n');
}

const PARTS: Record<ChangedPart, string> = {
  next_hook: 'the migration is applied',
  reject_in_hook: 'reject_in_hook is off',
  'management-api': 'the hosted project is configured',
  'config.toml': 'config.toml is changed',
};

export function hookStopped(wanted: SwitchState, changed: ChangedPart[]): string {
  const done = changed.map((part) => PARTS[part]).join(', ');
  const safe = changed.includes('management-api')
    ? `Auth ${wanted === 'enabled' ? 'calls' : 'no longer calls'} supasession's hook, but config.toml does not say so`
    : 'Auth is configured as before, and sign-ins still work';
  return `Done before that: ${done}. ${safe}.`;
}
