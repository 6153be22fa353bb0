/** Whether test/slow has loaded a test file, for the cases that `npm test` leaves out. */
export const THOROUGH = process.env['SUPASESSION_THOROUGH'] === '1';

/** Of many cases the few that stand for all in `npm test`; in test/slow, which imports the same test file, the others. */
export function sample<T>(cases: readonly T[], stands: (one: T) => boolean): T[] {
  return cases.filter((one) => stands(one) !== THOROUGH);
}
