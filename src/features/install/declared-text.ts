import chalk from 'chalk';

import type {DeclaredChange} from './declared.js';

/** What changed in the files that declare the schema; null for nothing. */
export function declaredText(changes: DeclaredChange[], dryRun: boolean): string | null {
  const files = (wanted: DeclaredChange['change']) =>
    [...new Set(changes.filter(({change}) => change === wanted).map(({file}) => file))].sort();
  const [written, removed, left] = [files('written'), files('removed'), files('left')];
  if (changes.length === 0) return null;
  const exported =
    removed.length > 2 ? `${removed.length} files of supasession, from ${removed[0]!} on` : removed.join(', ');
  return [
    ...written.map((file) => `${dryRun ? 'Would write' : 'Wrote'} ${file} (declared schema).`),
    ...(removed.length === 0 ? [] : [`${dryRun ? 'Would remove' : 'Removed'} ${exported} (declared schema).`]),
    ...left.map(
      (file) =>
        `${chalk.yellow('Warning:')} ${file} uses supasession. Remove that, or "supabase db schema declarative sync" fails.`,
    ),
  ].join('\n');
}
