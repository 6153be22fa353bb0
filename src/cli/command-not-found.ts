import type {Hook} from '@oclif/core';

import {unknownCommand} from './unknown.js';

/** What oclif calls when no command has that name. It hands the error on to `start`. */
const hook: Hook.CommandNotFound = async ({id, config}) => {
  throw unknownCommand(id, config);
};

export default hook;
