// The same as test/db/concurrency.test.ts, with more requests at once.
process.env['SUPASESSION_THOROUGH'] = '1';
await import('../db/concurrency.test.js');

export {};
