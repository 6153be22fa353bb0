// The pairs of test/db/mfa-races.test.ts that `npm test` leaves out.
process.env['SUPASESSION_THOROUGH'] = '1';
await import('../db/mfa-races.test.js');

export {};
