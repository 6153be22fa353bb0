// The manners of typing and the pages of help of test/e2e/plugin.test.ts that `npm test` leaves out.
process.env['SUPASESSION_THOROUGH'] = '1';
await import('../e2e/plugin.test.js');

export {};
