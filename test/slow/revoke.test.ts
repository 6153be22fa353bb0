// The races of test/db/revoke.test.ts that `npm test` leaves out: with limits off, and in observe mode.
process.env['SUPASESSION_THOROUGH'] = '1';
await import('../db/revoke.test.js');

export {};
