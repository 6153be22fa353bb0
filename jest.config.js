/** @type {import('jest').Config} */
const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  moduleNameMapper: {'^(\\.{1,2}/.*)\\.js$': '$1'},
  // oclif reads bin/package.json; to jest it is a second package of the same name.
  modulePathIgnorePatterns: ['<rootDir>/bin/', '<rootDir>/dist/'],
  transform: {
    '^.+\\.tsx?$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: {syntax: 'typescript', tsx: true},
          transform: {react: {runtime: 'automatic'}},
        },
        module: {type: 'es6'},
      },
    ],
  },
  setupFilesAfterEnv: ['<rootDir>/test/helpers/setup.ts'],
};

const project = (name, extra = {}) => ({
  ...shared,
  displayName: name,
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  ...extra,
});

const database = {
  globalSetup: '<rootDir>/test/helpers/global-setup.ts',
  globalTeardown: '<rootDir>/test/helpers/global-teardown.ts',
};

export default {
  // Most tests wait for a server, a lock or a process: two at a time would leave two cores half idle.
  maxWorkers: 4,
  projects: [
    project('unit'),
    project('db', database),
    // As test/e2e, with our commands run in the test's own process: see test/helpers/command.ts.
    project('commands', {
      ...database,
      setupFilesAfterEnv: [...shared.setupFilesAfterEnv, '<rootDir>/test/helpers/command.ts'],
    }),
    project('e2e', database),
    // supasession-js by itself: no database.
    project('js', {testMatch: ['<rootDir>/packages/js/test/**/*.test.{ts,tsx}']}),
    // supasession-js and the real supabase-js, against the stand-in for Auth and the Data API.
    project('app', database),
    // The same in Chromium, with the example apps: `npm run test:browser`.
    project('browser', database),
    // Races, torture and long proofs: `npm run test:slow`.
    project('slow', database),
  ],
  // Real servers and real processes: the slowest single steps (initdb, the supabase CLI) take seconds each, and on a busy machine ten times that.
  testTimeout: 180_000,
};
