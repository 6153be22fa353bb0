import type {DeclaredChange} from './declared.js';

/** @returns what was changed in the files that declare the schema; null for nothing */
export function declaredText(changes: DeclaredChange[], dryRun: boolean): string | null {
  const files = (wanted: DeclaredChange['change']) =>
    [...new Set(changes.filter(({change}) => change === wanted).map(({file}) => file))].sort();
  const [written, removed] = [files('written'), files('removed')];
  if (written.length + removed.length === 0) return null;
  const exported =
    removed.length > 2 ? `${removed.length} files of supasession, from ${removed[0]!} on` : removed.join(', ');
  return [
    ...written.map((file) => `${dryRun ? 'Would write' : 'Wrote'} ${file} (declared schema).`),
    ...(removed.length === 0 ? [] : [`${dryRun ? 'Would remove' : 'Removed'} ${exported} (declared schema).`]),
  ].join('\n');
}
