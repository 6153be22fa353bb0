import {ESLint} from 'eslint';

/** The project's own configuration without what needs types: that takes half a minute, and no rule about imports does. */
const eslint = new ESLint({
  overrideConfig: {languageOptions: {parserOptions: {project: null}}},
  ruleFilter: ({ruleId}) => /no-restricted-(?:paths|imports)$/.test(ruleId),
});

async function problems(file: string, imported: string): Promise<string[]> {
  const [result] = await eslint.lintText(`export * from '${imported}';\n`, {filePath: file});
  return result!.messages.map(({message}) => message);
}

test.each([
  ['src/database/sql.ts', '../cli/text.js', 'Below the terminal and the features.'],
  ['src/supabase/link.ts', '../database/target.js', 'Imports nothing but errors and types.'],
  ['src/sandbox/server.ts', '../supabase/cli.js', 'Below the terminal and the features.'],
  ['src/cli/text.ts', '../features/rules/rules.js', 'The terminal knows no feature and no command.'],
  ['src/features/rules/rules.ts', '../../commands/rules/add.js', 'Features do not import commands.'],
  ['src/features/rules/rules.ts', '../settings/queries.js', 'by their index.ts (and'],
  ['src/features/install/init.ts', '../guard/guard.js', 'by their index.ts (and'],
  ['src/cli/text.ts', 'pg', 'pg has one importer'],
  ['src/commands/config.ts', '@inquirer/prompts', '@inquirer/prompts has one importer'],
])('%s may not import %s', async (file, imported, reason) => {
  expect(await problems(file, imported)).toEqual([expect.stringContaining(reason)]);
});

test.each([
  ['src/database/sql.ts', '../errors.js'],
  ['src/cli/text.ts', '../database/errors.js'],
  ['src/features/rules/rules.ts', '../settings/index.js'],
  ['src/features/rules/rules.ts', './queries.js'],
  ['src/features/doctor/doctor.ts', '../guard/guard.js'],
  ['src/features/install/uninstall.ts', '../guard/guard.js'],
  ['src/commands/config.ts', '../features/settings/config.js'],
  ['src/database/connection.ts', 'pg'],
])('%s may import %s', async (file, imported) => {
  expect(await problems(file, imported)).toEqual([]);
});
