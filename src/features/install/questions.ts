import type {InitPlan} from './init.js';
import {SETTINGS, askChoice, askInteger, choiceOf} from '../settings/index.js';
import {DEFAULT_SETTINGS, type Settings, type Target} from '../../types.js';
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

/** The limit that `init` proposes. */
const DEVICES = 3;

export interface InitFound {
  plan: InitPlan;
  target: Target;
  /** Null if it did not try. */
  reachable: boolean | null;
  /** Those in the target; null if nothing is installed there, or if it did not connect. */
  settings: Settings | null;
}

async function askSettings(ask: Asker, flags: InitFlags, {plan, settings}: InitFound): Promise<Partial<Settings>> {
  const given: Partial<Settings> = {};
  const current = settings ?? {...DEFAULT_SETTINGS, max_sessions: DEVICES};
  const asks = plan.current === null && !flags.yes && !flags['dry-run'];
  if (flags.max !== undefined) given.max_sessions = flags.max;
  else if (asks) given.max_sessions = await askInteger(ask, SETTINGS.max_sessions, current.max_sessions);
  // The table itself starts with 1, as 0.1.2 did.
  else if (plan.current === null && plan.older === null && settings === null) given.max_sessions = DEVICES;

  const strategy = choiceOf(SETTINGS.strategy, flags.strategy);
  if (strategy !== undefined) given.strategy = strategy;
  else if (asks) given.strategy = await askChoice(ask, SETTINGS.strategy, current.strategy);
  return given;
}

/**
 * Asks only what the flags leave open; a dry run asks nothing.
 * @param preview shows where it will be applied and whom it affects, before the user decides
 */
export async function askInit(
  ask: Asker,
  flags: InitFlags,
  found: InitFound,
  preview: (settings: Partial<Settings>) => Promise<void>,
): Promise<InitAnswers> {
  const settings = await askSettings(ask, flags, found);
  const local = found.target.kind === 'local';
  const decided = flags.enable !== undefined && flags.apply !== undefined;
  if (found.reachable || (found.reachable === null && !decided)) await preview(settings);
  const decide = async (flag: boolean | undefined, name: string, message: string, fallback: boolean) => {
    if (flag !== undefined) return flag;
    // The local stack is not running.
    if (found.reachable === false || flags['dry-run']) return false;
    return ask.confirm({flag: `--${name} or --no-${name}`, message, default: fallback});
  };

  // If supasession is installed and the limit is off, somebody switched it off on purpose.
  const enable =
    (found.settings?.enabled === true && flags.enable === undefined) ||
    (await decide(flags.enable, 'enable', 'Switch the limit on now?', local && found.settings === null));
  const apply = await decide(flags.apply, 'apply', 'Apply the migration now?', local);
  if (flags.save && enable) settings.enabled = true;
  return {settings, enable, apply};
}
