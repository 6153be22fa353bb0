import type {Interfaces} from '@oclif/core';
import {flush} from '@oclif/core/flush';
import {run} from '@oclif/core/run';

import {expandAliases} from './aliases.js';

/**
 * Runs the stand-alone program with what was typed. Reports, in the same form, the failures that no command has reported: unknown
 * commands, and those of oclif's own commands.
 */
export async function start(options: Interfaces.LoadOptions): Promise<void> {
  // A pipe whose reader has left (`| head`) would never be flushed; what else goes wrong there oclif throws.
  const broken = new Promise((resolve) => {
    process.stdout.once('error', resolve);
  });
  try {
    await run(expandAliases(process.argv.slice(2)), options);
    await Promise.race([broken, flush()]);
  } catch (error) {
    // Loaded only then: what works starts faster without.
    const {end} = await import('./end.js');
    await end(error);
  }
}
