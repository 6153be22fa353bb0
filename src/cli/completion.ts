import {writeFile} from 'node:fs/promises';
import path from 'node:path';

import type {Hook} from '@oclif/core';

/**
 * Runs after every command. The autocomplete plugin's own script for bash completes no values, and no flags after the first one:
 * this replaces it.
 */
const hook: Hook.Postrun = async ({Command, config}) => {
  if (Command.id !== 'autocomplete' && Command.id !== 'autocomplete:create') return;
  const {bashCompletion} = await import('./bash.js');
  const file = path.join(config.cacheDir, 'autocomplete', 'functions', 'bash', `${config.bin}.bash`);
  await writeFile(file, bashCompletion(config));
};

export default hook;
