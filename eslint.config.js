import js from '@eslint/js';
import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** Rooms of src, from the top down: each may import only from those below it (and from errors.ts and types.ts). */
const ROOMS = {
  program: ['failure', 'closest', 'flags', 'ui'],
  commands: ['base-command', 'flags', 'prompts', 'ui', 'core', 'sandbox', 'supabase', 'db'],
  prompts: ['core'],
  ui: ['core', 'db'],
  core: ['supabase', 'db'],
  sandbox: ['db'],
  supabase: [],
  db: [],
};

const SHARED = ['errors', 'types'];
const EVERYTHING = [...Object.keys(ROOMS), 'base-command', 'failure', 'closest', 'flags', 'index'];

const directions = Object.entries(ROOMS).map(([room, below]) => ({
  target: `./src/${room}`,
  from: EVERYTHING.filter((other) => other !== room && !below.includes(other) && !SHARED.includes(other)).map(
    (other) => (other in ROOMS ? `./src/${other}` : `./src/${other}.ts`),
  ),
  message: `src/${room} imports from ${[...below, ...SHARED].join(', ')} only (CONTRIBUTING.md, "Map").`,
}));

/** Each of these packages has one room, or one file, that may import it. */
const ONE_IMPORTER = [
  {name: 'pg', room: 'src/database', also: ['src/sandbox']},
  {name: 'execa', room: 'src/supabase', also: []},
  {name: '@inquirer/prompts', room: 'src/cli', also: []},
  {
    name: '@oclif/core',
    room: 'src/commands',
    also: ['src/cli', 'src/features', 'src/index.ts'],
  },
];

const restricted = (names) => ({
  '@typescript-eslint/no-restricted-imports': [
    'error',
    {paths: names.map((name) => ({name, message: `${name} has one importer (CONTRIBUTING.md, "Map").`}))},
  ],
});

export default tseslint.config(
  {ignores: ['dist', 'node_modules', 'coverage']},
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {parserOptions: {project: './tsconfig.test.json', tsconfigRootDir: import.meta.dirname}},
    plugins: {'import-x': importX},
    settings: {'import-x/resolver': {node: {extensions: ['.ts', '.js']}}, 'import-x/extensions': ['.ts', '.js']},
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
      files: [`${room}/**/*.ts`, ...also.map((path) => (path.endsWith('.ts') ? path : `${path}/**/*.ts`))],
      rules: restricted(ONE_IMPORTER.map((other) => other.name).filter((other) => other !== name)),
    },
  ]),
  {
    files: ['test/**/*.ts', 'demo/**/*.ts', 'bench/**/*.ts'],
    rules: {
      // Rows of pg and parsed JSON are any; here the assertions say what they are.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {files: ['demo/**/*.ts', 'bench/**/*.ts'], rules: {'no-console': 'off'}},
  {
    files: ['**/*.js'],
    languageOptions: {globals: {process: 'readonly', console: 'readonly', URL: 'readonly'}},
  },
);
