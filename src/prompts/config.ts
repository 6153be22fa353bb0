import {EVICTION_ORDERS, STRATEGIES, type EvictionOrder, type Settings} from '../types.js';
import type {Asker} from './index.js';
import {STRATEGY_CHOICES} from './init.js';

/** Flag spelling of an order: oldest, least-recently-used. */
export const ORDER_OPTIONS = EVICTION_ORDERS.map((order) => order.replaceAll('_', '-'));

export interface ConfigFlags {
  max: number | undefined;
  strategy: string | undefined;
  enable: boolean;
  disable: boolean;
  order: string | undefined;
  'enforce-on-refresh': boolean | undefined;
}

/**
 * @param flags the flags of `config`
 * @returns the settings that they ask for
 */
export function changesFromFlags(flags: ConfigFlags): Partial<Settings> {
  const strategy = STRATEGIES.find((known) => known === flags.strategy);
  const order = EVICTION_ORDERS.find((known) => known === flags.order?.replaceAll('-', '_'));
  return {
    ...(flags.enable ? {enabled: true} : flags.disable ? {enabled: false} : {}),
    ...(flags.max === undefined ? {} : {max_sessions: flags.max}),
    ...(strategy === undefined ? {} : {strategy}),
    ...(order === undefined ? {} : {eviction_order: order}),
    ...(flags['enforce-on-refresh'] === undefined ? {} : {enforce_on_refresh: flags['enforce-on-refresh']}),
  };
}

/**
 * Offers to change the settings, one question each with the present value as its default.
 * @param ask where answers come from; must be interactive
 * @param settings the settings as they are
 * @returns the answers, empty where nothing is to be changed
 */
export async function askConfig(ask: Asker, settings: Settings): Promise<Partial<Settings>> {
  if (!(await ask.confirm({flag: '--max <n>', message: 'Change them?', default: false}))) return {};
  return {
    enabled: await ask.confirm({
      flag: '--enable or --disable',
      message: 'Enforce the limit?',
      default: settings.enabled,
    }),
    max_sessions: await ask.positiveInteger({
      flag: '--max <n>',
      message: 'How many sessions (devices) may a user have?',
      default: settings.max_sessions,
    }),
    strategy: await ask.choose({
      flag: '--strategy <dequeue|reject>',
      message: 'What happens at a sign-in above that?',
      choices: STRATEGY_CHOICES,
      default: settings.strategy,
    }),
    eviction_order: await ask.choose<EvictionOrder>({
      flag: '--order <oldest|least-recently-used>',
      message: 'Which sessions go first?',
      choices: [
        {value: 'oldest', name: 'the oldest'},
        {value: 'least_recently_used', name: 'the least recently used'},
      ],
      default: settings.eviction_order,
    }),
    enforce_on_refresh: await ask.confirm({
      flag: '--[no-]enforce-on-refresh',
      message: 'Check the limit at every refresh too (a lowered limit then reaches existing sessions)?',
      default: settings.enforce_on_refresh,
    }),
  };
}
