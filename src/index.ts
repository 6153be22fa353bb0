import type {Command} from '@oclif/core';

import AccessList from './commands/access/list.js';
import AccessRestore from './commands/access/restore.js';
import AccessRevoke from './commands/access/revoke.js';
import ApiDisable from './commands/api/disable.js';
import ApiEnable from './commands/api/enable.js';
import Config from './commands/config.js';
import Doctor from './commands/doctor.js';
import Enforce from './commands/enforce.js';
import Flush from './commands/flush.js';
import GuardDisable from './commands/guard/disable.js';
import GuardEnable from './commands/guard/enable.js';
import History from './commands/history.js';
import HookDisable from './commands/hook/disable.js';
import HookEnable from './commands/hook/enable.js';
import Init from './commands/init.js';
import ProtectAdd from './commands/protect/add.js';
import ProtectList from './commands/protect/list.js';
import ProtectRemove from './commands/protect/remove.js';
import Prune from './commands/prune.js';
import RulesAdd from './commands/rules/add.js';
import RulesList from './commands/rules/list.js';
import RulesRemove from './commands/rules/remove.js';
import RulesTest from './commands/rules/test.js';
import Sandbox from './commands/sandbox.js';
import SessionsList from './commands/sessions/list.js';
import SessionsRevoke from './commands/sessions/revoke.js';
import Status from './commands/status.js';
import Uninstall from './commands/uninstall.js';
import Upgrade from './commands/upgrade.js';

/** All commands. The stand-alone program (bin/) finds them by their files instead, so that it loads the one that was typed: 80 ms of 410 (measured). */
export const commands: Record<string, Command.Class> = {
  'access:list': AccessList,
  'access:restore': AccessRestore,
  'access:revoke': AccessRevoke,
  'api:disable': ApiDisable,
  'api:enable': ApiEnable,
  config: Config,
  doctor: Doctor,
  enforce: Enforce,
  flush: Flush,
  'guard:disable': GuardDisable,
  'guard:enable': GuardEnable,
  history: History,
  'hook:disable': HookDisable,
  'hook:enable': HookEnable,
  init: Init,
  'protect:add': ProtectAdd,
  'protect:list': ProtectList,
  'protect:remove': ProtectRemove,
  prune: Prune,
  'rules:add': RulesAdd,
  'rules:list': RulesList,
  'rules:remove': RulesRemove,
  'rules:test': RulesTest,
  sandbox: Sandbox,
  'sessions:list': SessionsList,
  'sessions:revoke': SessionsRevoke,
  status: Status,
  uninstall: Uninstall,
  upgrade: Upgrade,
};

/**
 * The same under the topic `supasession`, for a program that loads this package as an oclif plugin: as bare names they would stand in the
 * way of the host's own commands (most hosts have an `init`).
 */
export const pluginCommands: Record<string, Command.Class> = Object.fromEntries(
  Object.entries(commands).map(([id, command]) => [`supasession:${id}`, command]),
);
