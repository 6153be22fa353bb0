import {commandOn, confirmationName} from '../database/target.js';
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
          ? 'Stop the other stack and start this one: {supabase} stop --all && {supabase} start'
          : 'Run the command in the folder of that project, or name the folder with --workdir',
        `If you do mean this database, add --confirm ${confirmationName(target)}`,
      ],
      details: {target: targetJson(target)},
    },
  );
}

/**
 * Permission to end sessions: a yes on the local database, the name of the target anywhere else.
 * @param question `given`: the value of --confirm
 * @throws SupasessionError DECLINED, USAGE if --confirm names something else, ANSWER_REQUIRED, INTERRUPTED
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
 * Permission for a change that may end sessions: the local database needs none for what flags say; any other a yes, or its name if sessions end.
 * @param change `ends`: what to ask if sessions end, else null; `askLocally`: whether the local database needs a yes, too; `given`: the value of --confirm
 * @throws SupasessionError DECLINED, USAGE if --confirm names something else, ANSWER_REQUIRED, INTERRUPTED
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

/** Whether to save a change as a migration, too. */
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
 * Permission to let the supabase CLI apply the project's other migrations; --yes does not give it.
 * @param others their files, which the reader has been shown
 * @param given yes: whether --yes was given; command: what to type, without the target and whether to apply
 * @throws SupasessionError OTHER_MIGRATIONS_PENDING if nobody can be asked, DECLINED, INTERRUPTED
 */
export async function allowPending(
  ask: Asker,
  target: Target,
  others: string[],
  given: {yes: boolean; command: string},
): Promise<void> {
  if (ask.interactive && !given.yes) return ask.proceed('Apply these as well?');
  const amount = others.length === 1 ? '1 other pending migration' : `${others.length} other pending migrations`;
  throw new SupasessionError('OTHER_MIGRATIONS_PENDING', `The supabase CLI would apply ${amount} too.`, {
    suggestions: [
      commandOn(target, `${given.command} --apply --include-pending`),
      commandOn(target, `${given.command} --no-apply`),
    ],
    details: {pending: others},
  });
}

/**
 * Whether to change the project's file like the hosted project: otherwise a later push would undo the change.
 * @throws SupasessionError ANSWER_REQUIRED, INTERRUPTED
 */
export async function wantsFile(
  ask: Asker,
  flags: {'config-toml'?: boolean | undefined; 'dry-run': boolean},
): Promise<boolean> {
  if (flags['config-toml'] !== undefined || flags['dry-run']) return flags['config-toml'] ?? true;
  return ask.confirm({
    flag: '--config-toml or --no-config-toml',
    message: 'Also change config.toml, which "supabase config push" sends?',
    default: true,
  });
}
