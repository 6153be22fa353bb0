import path from 'node:path';

/** What makes a local stack read config.toml again. */
export const RESTART = 'supabase stop && supabase start';

/** @returns a line of a list of what happens */
export function line(label: string, text: string): string {
  return `  ${label.padEnd(14)}${text}`;
}

/** @returns the file that changes, as it is known in a project */
export function fileName({file}: {file: string}): string {
  return path.join('supabase', path.basename(file));
}

/** @returns what has to come before the local stack reads a file that was changed for a hosted project */
export function localToo(): string {
  return 'The local stack reads config.toml too, when it starts next: supabase migration up before that.';
}
