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
  return `nobody is refused under the strategy dequeue, so it does nothing yet. It matters for: ${commandOn(target, 'config --strategy reject')}`;
}

function planLines(plan: HookPlan, target: Target): string[] {
  const {wanted, next, step, edit, send, replaced, leftover, dropped, rejectInHook} = plan;
  const own = next === null ? null : functionText(next);
  const asYet = plan.present === 'enabled' ? '' : ', while Auth does not call ours yet';
  const effects = target.kind === 'local' ? `when Auth starts again: ${RESTART}` : 'as soon as Auth has the change';
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
            own === null ? 'none' : `${own} is kept: ours calls it, as Auth's role, and hands its answer on`,
          ),
          ...(step === null ? [] : [line('First', `a migration makes ours call ${own}${asYet}`)]),
        ]
      : [
          ...(rejectInHook
            ? [line('First', 'reject_in_hook is switched off: a refused sign-in is an error 500 for the app again')]
            : []),
          ...(plan.present === 'disabled'
            ? []
            : [line('Auth', own === null ? 'calls no access token hook' : `calls ${chalk.bold(own)} again`)]),
          ...(step === null
            ? []
            : [
                line('Database', 'a migration makes ours call no other hook'),
                line('Elsewhere', 'wherever it is applied, too: take our hook out of Auth there first'),
              ]),
        ];
  return [
    ...lines,
    ...(where.length === 0 ? [] : [line('Changes', where.join(', then ')), line('Takes effect', effects)]),
    ...(replaced === null ? [] : [line('Overwrites', `${replaced}, which is switched off; it does not come back`)]),
    ...(dropped === null
      ? []
      : [
          line(
            'Not restored',
            `${functionText(dropped.hook)}, because ${dropped.reason}: with it every sign-in would fail`,
          ),
        ]),
    ...(leftover === null || plan.present === 'disabled'
      ? []
      : [line('Stays', `${functionText(leftover)} as what ours calls, until Auth has been restarted`)]),
  ];
}

export function hookAlready({wanted, leftover, next, idle}: HookPlan, target: Target): string {
  if (wanted === 'enabled') {
    const own = next === null ? '' : `, and ours calls ${functionText(next)}`;
    return `Nothing to do: Auth is configured to call our hook already${own}.${idle ? `\nNote: ${idleText(target)}` : ''}`;
  }

  const already = 'Nothing to do: Auth is not configured to call our hook.';
  return leftover === null ? already : `${already}\n${leftoverText(functionText(leftover), target)}`;
}

function leftoverText(hook: string, target: Target): string {
  // The platform restarts Auth by itself.
  const restarted =
    target.projectRef === null ? 'Once Auth has been restarted' : 'Some minutes later, when Auth has the change';
  return `Ours would still call ${hook}, which does no harm. ${restarted}: ${commandOn(target, 'hook:disable --auth-restarted --apply')}`;
}

export function hookPending(target: Target): string {
  return `Auth was not configured: ours has to know the project's own hook first. After that: ${commandOn(target, 'hook:enable')}`;
}

export function hookInstructions({wanted, next, byHand}: HookPlan, target: Target): string {
  const uri = wanted === 'enabled' ? hookUri(OUR_HOOK) : next === null ? null : hookUri(next);
  const hook = wanted === 'enabled' ? OUR_HOOK : next;
  const head = chalk.yellow('Not verified.');
  if (target.kind === 'local') return `${head} This program does not edit this file:\n${byHand ?? ''}`;
  const file = byHand === null ? '' : `\nAnd in the project, which "supabase config push" would send:\n${byHand}`;
  if (target.projectRef !== null) {
    const page = `https://supabase.com/dashboard/project/${target.projectRef}/auth/hooks`;
    const what =
      hook === null
        ? 'switch the "Customize Access Token (JWT) Claims" hook off'
        : `let the "Customize Access Token (JWT) Claims" hook be Postgres, schema ${hook.schema}, function ${hook.name}`;
    const other =
      wanted === 'enabled' && next === null
        ? `\n  If another function stands there, do not replace it yet: ${commandOn(target, 'hook:enable --next-hook <schema.function> --apply')}`
        : '';
    return `${head} There is no access token (supabase login, or SUPABASE_ACCESS_TOKEN), so this is for you to set:\n  Authentication > Hooks, ${page}\n  ${what}${other}${file}`;
  }

  const variables = [
    `GOTRUE_HOOK_CUSTOM_ACCESS_TOKEN_ENABLED=${uri === null ? 'false' : 'true'}`,
    ...(uri === null ? [] : [`GOTRUE_HOOK_CUSTOM_ACCESS_TOKEN_URI=${uri}`]),
  ];
  const other =
    wanted === 'enabled' && next === null
      ? `\nIf Auth has another hook in these already, do not replace it yet: ${commandOn(target, 'hook:enable --next-hook <schema.function>')}`
      : '';
  return `${head} Set for Auth, and restart it:\n${variables.map((variable) => `  ${variable}`).join('\n')}${other}`;
}

export function hookUnverified(): string {
  return `${chalk.yellow('Not verified:')} config.toml was updated, but an environment variable may override it: SUPABASE_AUTH_HOOK_CUSTOM_ACCESS_TOKEN_...`;
}

export function hookDone({wanted, where, leftover, edit}: HookPlan, target: Target, changed: ChangedPart[]): string {
  const lines: string[] = [];
  const configured = changed.includes('config.toml') || changed.includes('management-api');
  if (changed.includes('reject_in_hook')) {
    lines.push('reject_in_hook is off now, and the history says so.');
  }

  if (configured) {
    lines.push(
      wanted === 'enabled'
        ? `${chalk.green('The hook is configured.')} Undo: ${commandOn(target, 'hook:disable')}`
        : `${chalk.yellow('The hook is out of the configuration.')} Undo: ${commandOn(target, 'hook:enable')}`,
    );
  } else if (changed.includes('next_hook') && wanted === 'disabled') {
    lines.push(`${chalk.green('Done.')} Ours calls no other hook now.`);
  }

  const restart = target.kind === 'local' && (changed.includes('config.toml') || where === 'instructions');
  const next = [
    ...(restart ? [`${RESTART}   (Auth reads it at its start)`] : []),
    ...(wanted === 'enabled' ? [`${commandOn(target, 'config --reject-in-hook')}   (not before)`] : []),
  ];
  if (wanted === 'enabled' || restart) lines.push('Next:', ...next.map((step) => `  ${step}`));
  if (wanted === 'enabled' && target.kind !== 'local' && changed.includes('config.toml')) lines.push(localToo());
  if (wanted === 'disabled' && leftover !== null) lines.push(leftoverText(functionText(leftover), target));
  else if (wanted === 'disabled' && restart) lines.push('Not before that: {bin} uninstall');
  if (edit !== null && targetFlag(target) !== '' && !changed.includes('config.toml')) {
    lines.push(`${fileName(edit)} was left alone: "supabase config push" would undo this.`);
  }

  return lines.join('\n');
}

const PARTS: Record<ChangedPart, string> = {
  next_hook: "ours knows the project's own hook",
  reject_in_hook: 'reject_in_hook is off',
  'management-api': 'the hosted project is configured',
  'config.toml': 'config.toml is changed',
};

export function hookStopped(wanted: SwitchState, changed: ChangedPart[]): string {
  const done = changed.map((part) => PARTS[part]).join(', ');
  const safe = changed.includes('management-api')
    ? `Auth ${wanted === 'enabled' ? 'calls ours' : 'no longer calls ours'}, only config.toml does not say so`
    : 'Auth is configured as before, and sign-ins go on';
  return `Done before that: ${done}. ${safe}.`;
}
