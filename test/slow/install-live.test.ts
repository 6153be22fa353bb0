// The same as test/db/install-live.test.ts, more often and over more states of the database.
process.env['SUPASESSION_THOROUGH'] = '1';
await import('../db/install-live.test.js');

export {};
