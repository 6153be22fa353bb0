import path from 'node:path';

/** Makes a local stack read config.toml again. */
export const RESTART = '{supabase} stop && {supabase} start';

export function line(label: string, text: string): string {
  return `  ${label.padEnd(14)}${text}`;
}

/** Relative to the project: supabase/config.toml. */
export function fileName({file}: {file: string}): string {
  return path.join('supabase', path.basename(file));
}

export function localToo(): string {
  return 'The local stack also reads config.toml when it starts. Before its next start: {supabase} migration up';
}
