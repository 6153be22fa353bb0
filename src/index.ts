import type {Command} from '@oclif/core';

import Config from './commands/config.js';
import Flush from './commands/flush.js';
import History from './commands/history.js';
import Init from './commands/init.js';
import Sandbox from './commands/sandbox.js';
import SessionsList from './commands/sessions/list.js';
import SessionsRevoke from './commands/sessions/revoke.js';
import Status from './commands/status.js';
import Upgrade from './commands/upgrade.js';

/** The commands of the stand-alone program (bin/). */
export const commands: Record<string, Command.Class> = {
  config: Config,
  flush: Flush,
  history: History,
  init: Init,
  sandbox: Sandbox,
  'sessions:list': SessionsList,
  'sessions:revoke': SessionsRevoke,
  status: Status,
  upgrade: Upgrade,
};

/**
 * The same under the topic `supasession`, for a program that loads this package as an oclif plugin: as bare names they would stand in the
 * way of the host's own commands (most hosts have an `init`).
 */
export const pluginCommands: Record<string, Command.Class> = Object.fromEntries(
  Object.entries(commands).map(([id, command]) => [`supasession:${id}`, command]),
);
