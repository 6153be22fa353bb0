import chalk from 'chalk';
import {count} from '../../cli/text.js';
import {configOn} from '../../database/target.js';
import type {Settings, Target} from '../../types.js';
import {settingFlag} from './changes.js';

/** @returns under what a judgement of settings stands, as the end of a sentence; empty where they are in force */

export function unlessInForce({mode, enabled}: Settings): string {
  if (mode === 'observe') return ' (but in observe mode nothing is done)';
  return enabled ? '' : ' (once the limit is on)';
}
/**
 * @param settings the settings in force
 * @param target where
 * @returns that nothing is enforced, and how to change that, for the end of a run; null where it is
 */

export function notInForce(settings: Pick<Settings, 'enabled' | 'mode'>, target: Target): string | null {
  const config = configOn(target);
  if (!settings.enabled)
    return `${chalk.yellow('Limits are OFF.')} Switch them on: ${config} ${settingFlag('enabled', true)}`;
  if (settings.mode === 'observe')
    return `${chalk.yellow('OBSERVE MODE: nothing is enforced.')} Change that: ${config} ${settingFlag('mode', 'enforce')}`;
  return null;
}
/** More sessions of one user than this do not end in one sign-in. */
const MOST_AT_SIGN_IN = 100;
/**
 * @param settings the settings that are judged
 * @param mostOver the most sessions that one user is over the limit by
 * @returns that these end only by and by; null where a sign-in is enough
 */

export function drainText({strategy}: Pick<Settings, 'strategy'>, mostOver: number): string | null {
  if (mostOver <= MOST_AT_SIGN_IN) return null;
  const signIn = strategy === 'dequeue' ? `a sign-in ends at most ${MOST_AT_SIGN_IN}, ` : '';
  return `One user is over the limit by ${count(mostOver, 'session')}. They end only by and by, and stay live until then: ${signIn}a refresh ends only its own session.`;
}
/** @returns the last line of every run while the limit is off */

export function limitsOff(target: Target): string {
  return notInForce({enabled: false, mode: 'enforce'}, target)!;
}
