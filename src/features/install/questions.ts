import type {InitPlan} from './init.js';
import {SETTINGS, askChoice, askInteger, choiceOf} from '../settings/index.js';
import type {Settings, Target} from '../../types.js';
import type {Asker} from '../../cli/asker.js';

export interface InitFlags {
  max: number | undefined;
  strategy: string | undefined;
  enable: boolean | undefined;
  apply: boolean | undefined;
  save: boolean;
  yes: boolean;
  'dry-run': boolean;
}

export interface InitAnswers {
  /** The settings given by flag or answer: all others stay as the target has them. */
  settings: Partial<Settings>;
  enable: boolean;
  apply: boolean;
}

/**
 * Asks what the flags of `init` do not say.
 * @param ask where answers come from
 * @param flags the flags
 * @param found what there is: the plan, the target, whether it can be reached (null: not tried), whether a release of ours is in it, and its
 *   settings for the defaults
 * @returns the answers
 */
export async function askInit(
  ask: Asker,
  flags: InitFlags,
  found: {plan: InitPlan; target: Target; reachable: boolean | null; installed: boolean; settings: Settings},
): Promise<InitAnswers> {
  const settings: Partial<Settings> = {};
  // A dry run shows what the flags say, and asks nothing.
  const silent = flags.yes || flags['dry-run'];
  const writes = found.plan.current === null;
  const local = found.target.kind === 'local';

  if (flags.max !== undefined) settings.max_sessions = flags.max;
  else if (writes && !silent) {
    settings.max_sessions = await askInteger(ask, SETTINGS.max_sessions, found.settings.max_sessions);
  }

  const strategy = choiceOf(SETTINGS.strategy, flags.strategy);
  if (strategy !== undefined) settings.strategy = strategy;
  else if (writes && !silent) {
    settings.strategy = await askChoice(ask, SETTINGS.strategy, found.settings.strategy);
  }

  const decide = async (flag: boolean | undefined, name: string, message: string, fallback: boolean) => {
    if (flag !== undefined) return flag;
    // Nothing to do it to: a local stack that is not running.
    if (found.reachable === false || flags['dry-run']) return false;
    return ask.confirm({flag: `--${name} or --no-${name}`, message, default: fallback});
  };

  // Where we are installed already, a limit that is off has been switched off.
  const enable =
    (found.settings.enabled && flags.enable === undefined) ||
    (await decide(flags.enable, 'enable', 'Switch the limit on now?', local && !found.installed));
  const apply = await decide(flags.apply, 'apply', 'Apply the migration now?', local);
  if (flags.save && enable) settings.enabled = true;
  return {settings, enable, apply};
}
