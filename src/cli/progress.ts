import {createRequire} from 'node:module';

import type CliProgress from 'cli-progress';

const require = createRequire(import.meta.url);

/** A bar on a terminal; elsewhere nothing. */
export interface Progress {
  update(done: number): void;
  stop(): void;
}

/**
 * @param total what `update` counts up to
 * @param noun what is counted
 * @returns a progress bar on stderr, with rate and time left
 */
export function progressBar(total: number, noun: string): Progress {
  // Loaded for the first bar: most runs of the commands that have one show none.
  const {Presets, SingleBar} = require('cli-progress') as typeof CliProgress;
  const started = performance.now();
  const bar = new SingleBar(
    {
      stream: process.stderr,
      format: `  {bar} {percentage}%  {value}/{total} ${noun}  {rate}/s  {eta_formatted} left`,
      // What stands beside it has room on a terminal of 80 also when a million is counted.
      barsize: 24,
      hideCursor: true,
      // Without a terminal (a log file, CI) there is nobody to look at a bar.
      noTTYOutput: false,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0, {rate: 0});
  return {
    update(done) {
      const seconds = (performance.now() - started) / 1000;
      bar.update(done, {rate: Math.round(done / Math.max(seconds, 0.001))});
    },
    stop() {
      bar.stop();
    },
  };
}
