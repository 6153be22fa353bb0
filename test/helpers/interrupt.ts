/** Something else that happens in the middle of a request to Auth. */
import type {Client} from 'pg';
import {AuthError, Steps, type Flow} from './auth.js';
import {backendPid, isBlocked, until} from './wait.js';

/** The result of a request, or the error of Auth that it failed with; anything else is thrown. */
export async function outcome<T>(request: Promise<T>): Promise<T | AuthError> {
  return request.catch((error: unknown) => {
    if (error instanceof AuthError) return error;
    throw error;
  });
}

/** Every request begins, finds its user or session, changes something and commits. */
const FEWEST = 3;

export interface Interruption<T> {
  /** What became of the request. */
  result: T | AuthError;
  /** The statement before which it was interrupted. */
  before: string;
}

/**
 * Sends `count` statements of a request on `auth`, then starts `act` on connection `other`, lets it come as far as it can without the
 * request, and finishes both. Fails when either is killed or never ends. Undefined when the request has fewer statements; fails when
 * these are so few that a loop over them would have shown nothing.
 */
export async function interrupt<T>(
  connections: {auth: Client; other: Client; observer: Client},
  flow: Flow<T>,
  count: number,
  act: () => Promise<unknown>,
): Promise<Interruption<T> | undefined> {
  const {auth, other, observer} = connections;
  const steps = new Steps(auth, flow);
  for (let sent = 0; sent < count; sent++) {
    if (steps.next === undefined) break;
    await steps.step();
  }
  const before = steps.next;
  if (before === undefined) {
    expect(count).toBeGreaterThan(FEWEST);
    return undefined;
  }

  const pid = await backendPid(other);
  let over = false;
  const acting = act().finally(() => {
    over = true;
  });
  // Awaited below, after the request.
  acting.catch(() => undefined);
  await until(`it ends or waits, before ${before}`, async () => over || isBlocked(observer, pid));
  const result = await outcome(steps.finish());
  await acting;
  if (result instanceof AuthError && result.sqlstate !== undefined && result.sqlstate !== 'PT403')
    throw new Error(`a request failed in the database, interrupted before ${before}`, {cause: result});
  return {result, before};
}
