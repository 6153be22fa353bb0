import {confirmationName, targetFlag} from '../database/target.js';
import {SupasessionError} from '../errors.js';
import {targetJson, type Target} from '../types.js';
import type {Asker} from './asker.js';
import {noneOfIts, targetName} from './text.js';

/** What a command says about itself when it opens a connection: that it reads, or the flags of a change. */
export type Use = 'reads' | {confirm: string | undefined; 'dry-run'?: boolean};

/**
 * Stops a change of a database whose migrations are all of another project. Every local stack has port 54322 by default, so the database
 * that answers there can be that of the project worked on before.
 * @throws SupasessionError OTHER_PROJECT, unless --confirm names the target; --yes does not help
 */
export function requireOwnProject(target: Target, use: Use): void {
  if (!target.history?.otherProject || use === 'reads' || use['dry-run'] || use.confirm === confirmationName(target))
    return;
  throw new SupasessionError(
    'OTHER_PROJECT',
    `The ${targetName(target)} belongs to another project: ${noneOfIts(target.history)}. Nothing was changed.`,
    {
      suggestions: [
        target.kind === 'local'
          ? 'Stop the other stack and start this one: supabase stop --all && supabase start'
          : 'Start the command in the folder of that project, or give its folder with --workdir',
        `If you do mean this database, add --confirm ${confirmationName(target)}`,
      ],
      details: {target: targetJson(target)},
    },
  );
}

/**
 * Permission to end sessions: a yes on the local database, the name of the target anywhere else.
 * @param ask where answers come from
 * @param target whose sessions end
 * @param question message: what is asked; given: the value of --confirm
 * @throws SupasessionError DECLINED, USAGE where --confirm names something else, ANSWER_REQUIRED, INTERRUPTED
 */
export async function allowEnding(
  ask: Asker,
  target: Target,
  question: {message: string; given: string | undefined},
): Promise<void> {
  if (target.kind === 'local' && question.given === undefined) await ask.proceed(`${question.message}?`);
  else {
    const name = confirmationName(target);
    await ask.proceedByName({message: `${question.message}?`, name, given: question.given});
  }
}

/**
 * Permission for a change that may end sessions: on the local database none is needed for what flags say; elsewhere a yes, or the name where sessions end.
 * @param ask where answers come from
 * @param target whose change it is
 * @param change ends: what to ask where sessions end, else null; askLocally: whether the local database wants a yes as well; given: the value of --confirm
 * @throws SupasessionError DECLINED, USAGE where --confirm names something else, ANSWER_REQUIRED, INTERRUPTED
 */
export async function allowChange(
  ask: Asker,
  target: Target,
  change: {ends: string | null; askLocally: boolean; given: string | undefined},
): Promise<void> {
  if (target.kind === 'local' && !change.askLocally) return;
  if (target.kind === 'local' || change.ends === null) await ask.proceed('Apply this?');
  else await allowEnding(ask, target, {message: change.ends, given: change.given});
}

/** Whether a change that was made is saved as a migration too. */
export async function wantsSaving(ask: Asker): Promise<boolean> {
  const message = 'Save as a migration too, so that db reset and db push carry it?';
  try {
    return await ask.confirm({flag: '--save', message, default: false});
  } catch (error) {
    if (!(error instanceof SupasessionError) || error.code !== 'INTERRUPTED') throw error;
    throw new SupasessionError('INTERRUPTED', 'Interrupted. The change was made, but not saved as a migration.');
  }
}

/**
 * Permission to let the supabase CLI apply migrations that are not ours; --yes does not give it.
 * @param ask where answers come from
 * @param target where they would be applied
 * @param others their files, which the reader has been shown
 * @param given yes: whether --yes was given; command: what to type, without the target and whether to apply
 * @throws SupasessionError OTHER_MIGRATIONS_PENDING where nobody can be asked, DECLINED, INTERRUPTED
 */
export async function allowPending(
  ask: Asker,
  target: Target,
  others: string[],
  given: {yes: boolean; command: string},
): Promise<void> {
  if (ask.interactive && !given.yes) return ask.proceed('Apply these as well?');
  const suffix = targetFlag(target) === '' ? '' : ` ${targetFlag(target)}`;
  const amount = others.length === 1 ? '1 other pending migration' : `${others.length} other pending migrations`;
  throw new SupasessionError('OTHER_MIGRATIONS_PENDING', `The supabase CLI would apply ${amount} too.`, {
    suggestions: [
      `{bin} ${given.command}${suffix} --apply --include-pending`,
      `{bin} ${given.command}${suffix} --no-apply`,
    ],
    details: {pending: others},
  });
}

/**
 * Whether the project's file shall follow a change of the hosted project; without that a later push would take it back.
 * @param ask where answers come from
 * @param flags what was given
 * @returns whether it shall
 * @throws SupasessionError ANSWER_REQUIRED, INTERRUPTED
 */
export async function wantsFile(
  ask: Asker,
  flags: {'config-toml'?: boolean | undefined; 'dry-run': boolean},
): Promise<boolean> {
  if (flags['config-toml'] !== undefined || flags['dry-run']) return flags['config-toml'] ?? true;
  return ask.confirm({
    flag: '--config-toml or --no-config-toml',
    message: 'Change config.toml too, which "supabase config push" would send?',
    default: true,
  });
}
