// The faults of test/db/faults.test.ts that `npm test` leaves out.
process.env['SUPASESSION_THOROUGH'] = '1';
await import('../db/faults.test.js');

export {};
