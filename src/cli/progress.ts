import {createRequire} from 'node:module';

import type CliProgress from 'cli-progress';

const require = createRequire(import.meta.url);

/**
 * Shows a progress bar on stderr, with rate and time left, while something works; without a terminal nothing.
 * @param total what `onProgress` counts up to
 * @param noun what is counted
 */
export async function withProgress<T>(
  total: number,
  noun: string,
  work: (onProgress: (done: number) => void) => Promise<T>,
): Promise<T> {
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
  try {
    return await work((done) => {
      const seconds = (performance.now() - started) / 1000;
      bar.update(done, {rate: Math.round(done / Math.max(seconds, 0.001))});
    });
  } finally {
    bar.stop();
  }
}
