// The ways of test/e2e/secrets.test.ts that `npm test` leaves out.
process.env['SUPASESSION_THOROUGH'] = '1';
await import('../e2e/secrets.test.js');

export {};
