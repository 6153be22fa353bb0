import {readdirSync} from 'node:fs';

import js from '@eslint/js';
import importX, {createNodeResolver} from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** Features that others build on. What they may use of one is what its index.ts names. */
const SHARED_FEATURES = ['install', 'sessions', 'settings'];
/** These show what all the others do. */
const OVERVIEWS = ['doctor', 'status'];
const FEATURES = readdirSync(new URL('src/features/', import.meta.url)).filter((name) => !OVERVIEWS.includes(name));

const zone = (target, from, except, message) => ({target: `./${target}`, from: `./${from}`, except, message});

/** Imports go one way: commands -> features -> cli -> database, supabase, sandbox -> errors and types. */
const directions = [
  zone(
    'src/features',
    'src',
    ['./features', './cli', './database', './supabase', './sandbox', './errors.ts', './types.ts'],
    'Features do not import commands.',
  ),
  zone(
    'src/cli',
    'src',
    ['./cli', './database', './supabase', './sandbox', './errors.ts', './types.ts'],
    'The terminal knows no feature and no command.',
  ),
  zone(
    'src/database',
    'src',
    ['./database', './supabase', './errors.ts', './types.ts'],
    'Below the terminal and the features.',
  ),
  zone(
    'src/sandbox',
    'src',
    ['./sandbox', './database', './errors.ts', './types.ts'],
    'Below the terminal and the features.',
  ),
  zone('src/supabase', 'src', ['./supabase', './errors.ts', './types.ts'], 'Imports nothing but errors and types.'),
  ...FEATURES.map((feature) =>
    zone(
      // Uninstalling undoes what all the others did.
      `src/features/${feature}/!(uninstall*).ts`,
      'src/features',
      [
        `./${feature}`,
        ...SHARED_FEATURES.filter((shared) => shared !== feature).map((shared) => `./${shared}/index.ts`),
        './install/step-command.ts',
      ],
      'Features import settings, sessions and install alone, by their index.ts (and the base of their commands, step-command.ts).',
    ),
  ),
];

/** Each of these packages has one room, or one file, that may import it. */
const ONE_IMPORTER = [
  {name: 'pg', room: 'src/database', also: ['src/sandbox']},
  {name: 'execa', room: 'src/supabase', also: []},
  {
    name: '@oclif/core',
    room: 'src/commands',
    also: ['src/cli', 'src/features', 'src/index.ts'],
  },
  {name: '@inquirer/prompts', room: 'src/cli/asker.ts', also: []},
];

const restricted = (names) => ({
  '@typescript-eslint/no-restricted-imports': [
    'error',
    {
      patterns: [
        ...names.map((name) => ({
          regex: `^${name}(/|$)`,
          message: `${name} has one importer (docs/contributing.md, "Map").`,
        })),
        {
          regex: '^@oclif/core$',
          allowTypeImports: true,
          message: 'Import from its parts (@oclif/core/flags): the whole of it loads 47 files of semver.',
        },
      ],
    },
  ],
});

export default tseslint.config(
  {ignores: ['**/dist', '**/node_modules', 'coverage']},
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.test.json', './packages/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    plugins: {'import-x': importX},
    settings: {
      // In the source `./x.js` means x.ts. Without the alias nothing resolves, and no rule about imports sees anything.
      'import-x/resolver-next': [createNodeResolver({extensionAlias: {'.js': ['.ts', '.tsx', '.js']}})],
      'import-x/extensions': ['.ts', '.js'],
    },
    rules: {
      'import-x/no-cycle': 'error',
      'import-x/no-restricted-paths': ['error', {zones: directions}],
      '@typescript-eslint/consistent-type-imports': ['error', {fixStyle: 'inline-type-imports'}],
      '@typescript-eslint/no-confusing-void-expression': ['error', {ignoreArrowShorthand: true}],
      // Numbers in messages are meant.
      '@typescript-eslint/restrict-template-expressions': ['error', {allowNumber: true}],
      // A checked index is often known to be in range: the first row of an aggregate, a group of a match.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', {varsIgnorePattern: '^_', argsIgnorePattern: '^_'}],
      // `async` keeps a function that can throw from throwing at once.
      '@typescript-eslint/require-await': 'off',
      'no-console': 'error',
    },
  },
  {files: ['src/**/*.ts'], rules: restricted(ONE_IMPORTER.map(({name}) => name))},
  ...ONE_IMPORTER.flatMap(({name, room, also}) => [
    {
      files: [room, ...also].map((path) => (path.endsWith('.ts') ? path : `${path}/**/*.ts`)),
      rules: restricted(ONE_IMPORTER.map((other) => other.name).filter((other) => other !== name)),
    },
  ]),
  {
    files: ['test/**/*.ts', 'packages/*/test/**/*.{ts,tsx}', 'demo/**/*.ts', 'bench/**/*.ts'],
    rules: {
      // Rows of pg and parsed JSON are any; here the assertions say what they are.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {files: ['demo/**/*.ts', 'bench/**/*.ts', 'examples/*/src/**/*.{ts,tsx}'], rules: {'no-console': 'off'}},
  {
    files: ['**/*.js'],
    languageOptions: {globals: {process: 'readonly', console: 'readonly', URL: 'readonly'}},
  },
);
