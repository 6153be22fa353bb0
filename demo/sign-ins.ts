/** The sign-ins of the demo: what is sent, what should come of it, and what did. */
import assert from 'node:assert/strict';
import {setTimeout as delay} from 'node:timers/promises';
import chalk from 'chalk';
import type {Client} from 'pg';
import {AuthError, liveSessions, run, signInPassword, signUp} from '../test/helpers/auth.js';
import type {Board, Row} from './board.js';

/** How long a table stays as it is while somebody watches, in milliseconds. */
const LOOK = 350;

/** A sign-in, and what the settings make of it: `ends` names the device whose session has to go for it. */
export interface SignIn {
  user: string;
  device: string;
  outcome: 'admitted' | 'refused' | {ends: string};
}

/** A user's devices by the ids of their sessions. */
type Devices = Map<string, string>;

/** The users of the demo and their devices, as sign-ins come and go. */
export class Users {
  /** Sends what Auth sends. */
  readonly #auth: Client;
  /** Looks at what came of it. */
  readonly #observer: Client;
  readonly #users = new Map<string, {id: string; devices: Devices; row: Row}>();
  readonly count = {admitted: 0, ended: 0, refused: 0};

  /**
   * @param auth a connection of role supabase_auth_admin
   * @param observer a connection that may read auth.sessions
   */
  constructor(auth: Client, observer: Client) {
    this.#auth = auth;
    this.#observer = observer;
  }

  get rows(): Row[] {
    return [...this.#users.values()].map(({row}) => row);
  }

  /**
   * Signs in, one after another, and shows each outcome. Who is not there yet signs up.
   *
   * @throws AssertionError if an outcome is not the expected one; the reason of an interruption; errors of Auth other than a refusal
   */
  async signIn(signIns: readonly SignIn[], board: Pick<Board, 'live' | 'show'>, signal: AbortSignal): Promise<void> {
    for (const {user, device, outcome} of signIns) {
      signal.throwIfAborted();
      const number = String(this.count.admitted + this.count.refused + 1).padStart(2);
      const seen = await this.#send(user, device);
      board.show(this.rows, `${number}. ${user} on ${device}: ${inWords(seen)}`);
      assert.deepEqual(seen, outcome, `${user}'s sign-in on ${device} did not go as the settings say`);
      if (board.live) await delay(LOOK, undefined, {signal});
    }
  }

  /** Looks again which sessions are there, and takes those that are gone for ended. Returns how many that are. */
  async look(): Promise<number> {
    let ended = 0;
    for (const user of this.#users.keys()) ended += (await this.#look(user)).length;
    return ended;
  }

  async #send(name: string, device: string): Promise<SignIn['outcome']> {
    const email = `${name}@example.com`;
    const known = this.#users.get(name);
    try {
      const {sessionId, userId} = await run(this.#auth, known ? signInPassword(email) : signUp(email));
      const user = known ?? {
        id: userId,
        devices: new Map<string, string>(),
        row: {user: name, live: [], ended: [], refused: []},
      };
      this.#users.set(name, user);
      user.devices.set(sessionId, device);
      this.count.admitted++;
      const [ended, ...more] = await this.#look(name);
      assert.deepEqual(more, [], 'one sign-in ended more than one session');
      assert.ok(user.row.live.includes(device), `the session of ${name}'s ${device} is not there`);
      return ended === undefined ? 'admitted' : {ends: ended};
    } catch (error) {
      if (!known || !(error instanceof AuthError) || !error.message.startsWith('Session limit of ')) throw error;
      known.row.refused.push(device);
      this.count.refused++;
      await this.#look(name);
      return 'refused';
    }
  }

  /** Looks which of a user's sessions are live. Returns the devices of those that have ended since the last time. */
  async #look(name: string): Promise<string[]> {
    const user = this.#users.get(name);
    if (!user) return [];
    const {devices, row, id} = user;
    const live = await liveSessions(this.#observer, id);
    const ended = [...devices].filter(([session]) => !live.includes(session));
    for (const [session, device] of ended) {
      devices.delete(session);
      row.ended.push(device);
    }
    this.count.ended += ended.length;
    row.live = live.map((session) => devices.get(session) ?? 'unknown device');
    return ended.map(([, device]) => device);
  }
}

function inWords(outcome: SignIn['outcome']): string {
  if (outcome === 'refused') return chalk.red('refused');
  if (outcome === 'admitted') return chalk.green('admitted');
  return `${chalk.green('admitted')}, ${chalk.yellow(`${outcome.ends} ended`)}`;
}
