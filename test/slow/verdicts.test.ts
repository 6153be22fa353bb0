// The same as test/db/verdicts.test.ts, in more situations.
process.env['SUPASESSION_SITUATIONS'] ??= '240';
await import('../db/verdicts.test.js');

export {};
