import chalk from 'chalk';
/** @returns the list of migrations that are not ours and would be applied with it */

export function pendingText(files: string[]): string {
  return [
    `${chalk.yellow('Also pending')}, and applied by the supabase CLI in the same run:`,
    ...files.map((file) => `  ${file}`),
  ].join('\n');
}
