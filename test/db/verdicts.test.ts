/**
 * The verdicts of sql/queries/verdicts.sql on all sessions at once are what happens to each of them: at its refresh, by enforce(), and
 * when somebody signs in beside it. SUPASESSION_SEED chooses the situations (default: by chance); a failure names it. test/slow asks
 * for more of them.
 */
import {randomUUID} from 'node:crypto';
import {DatabaseError, type Client} from 'pg';
import {readSql} from '../../src/database/sql.js';
import {createFactor, createSessions, createUsers, type AuthUser} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, type Settings} from '../helpers/install.js';
import {generator} from '../helpers/random.js';

const SEED = Number(process.env['SUPASESSION_SEED'] ?? Math.floor(Math.random() * 1e6));
const SITUATIONS = Number(process.env['SUPASESSION_SITUATIONS'] ?? 80);

/** How often each kind of end has to come up. */
const OFTEN = SITUATIONS < 240 ? 1 : 10;

let database: TestDatabase;
let postgres: Client;
/** The superuser, who may switch the triggers off and on. */
let admin: Client;
let sql: string;
let users: AuthUser[];
const clients = [randomUUID(), randomUUID()];

beforeAll(async () => {
  database = await createDatabase({installed: true});
  postgres = await database.connect('postgres');
  admin = await database.connect('supabase_admin');
  sql = await readSql('queries/verdicts.sql');
  users = await createUsers(postgres, 3);
  for (const id of clients) {
    await admin.query(
      `insert into auth.oauth_clients (id, registration_type, redirect_uris, grant_types, client_type, token_endpoint_auth_method)
       values ($1, 'manual', 'https://app.example.com', 'authorization_code', 'public', 'none')`,
      [id],
    );
  }
});

beforeEach(async () => {
  await configure(postgres, {enabled: false});
  await postgres.query(
    `delete from supasession.rules; delete from supasession.pending_ends; delete from supasession.foreign_deadlines;
     delete from auth.sessions; delete from auth.mfa_factors`,
  );
});

afterAll(async () => database.drop());

interface Verdict {
  user_id: string;
  session_id: string;
  client: string | null;
  pending: boolean;
  idle: boolean | null;
  rank: string | null;
  max_sessions: number | null;
  rule: string | null;
  over: boolean;
  ends: string | null;
  deadline: Date | null;
}

/** What the query says, with the settings, rules and pending_ends of this database. */
async function verdicts(userIds: string[] | null = null, ended: string[] = [], given?: Basis): Promise<Verdict[]> {
  const {settings, rules, ending} = given ?? (await basis());
  const {rows} = await admin.query<Verdict>({
    name: 'verdicts',
    text: `select * from (${sql}) v order by v.user_id, v.client, v.pending, v.rank, v.session_id`,
    values: [JSON.stringify(settings), JSON.stringify(rules), userIds, [...ending, ...ended]],
  });
  return rows;
}

/** What settings and rules have in common. */
interface Says {
  name?: string;
  strategy: string | null;
}

/** Settings, rules and pending_ends as they are. */
interface Basis {
  settings: Says;
  rules: Says[];
  ending: string[];
}

async function basis(): Promise<Basis> {
  const {rows} = await admin.query<Basis>(
    `select to_jsonb(supasession.get_config()) as settings,
       (select coalesce(jsonb_agg(to_jsonb(r)), '[]') from supasession.rules r) as rules,
       array(select e.session_id from supasession.pending_ends e) as ending`,
  );
  if (!rows[0]) throw new Error('no answer');
  return rows[0];
}

const mayBe = (random: () => number, probability: number): boolean => random() < probability;
const pick = <T>(random: () => number, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

/**
 * Sessions of every kind, rules and settings, by chance. Times are half hours and spans whole ones, so that nothing comes due while a
 * test looks; they are few, so that some are equal.
 */
class Situation {
  readonly #random: () => number;
  /** In "together" with rules for clients, sessions of one pool have limits of their own, and who is ended first decides what is left. */
  mixed = false;

  constructor(random: () => number) {
    this.#random = random;
  }

  async build(): Promise<void> {
    await admin.query(
      `delete from supasession.rules; delete from supasession.pending_ends; delete from supasession.foreign_deadlines;
       set session_replication_role = replica;
       delete from auth.sessions; delete from auth.mfa_factors`,
    );
    const sessions: object[] = [];
    for (const {userId} of users) {
      if (this.#may(0.45)) await createFactor(admin, userId, this.#may(0.8) ? 'verified' : 'unverified');
      const metadata = this.#pick(['{}', '{}', '{"plan": "pro"}', '{"plan": "pro", "team": "red"}', null]);
      await admin.query('update auth.users set raw_app_meta_data = $2 where id = $1', [userId, metadata]);
      const count = Math.floor(this.#random() * 9);
      for (let n = 0; n < count; n += 1) sessions.push(this.#session(userId));
    }
    await admin.query(
      `with given as (
         select * from jsonb_to_recordset($1) s (
           id uuid, user_id uuid, signed_in float8, used float8, aal text, client uuid, ends float8, ours boolean, noted boolean, kept float8
         )
       ), made as (
         insert into auth.sessions (id, user_id, created_at, updated_at, refreshed_at, aal, oauth_client_id, not_after)
         select id, user_id, now() - signed_in * interval '1 hour', now(), (now() - used * interval '1 hour') at time zone 'UTC',
           aal::auth.aal_level, client,
           case
             when ours then date_trunc('second', now() + ends * interval '1 hour') + interval '271828 microseconds'
             else now() + ends * interval '1 hour'
           end
         from given
       ), noted as (
         insert into supasession.pending_ends (session_id, user_id) select id, user_id from given where noted
       )
       insert into supasession.foreign_deadlines (session_id, not_after)
       select id, now() + kept * interval '1 hour' from given where kept is not null`,
      [JSON.stringify(sessions)],
    );
    await admin.query('reset session_replication_role');
    const settings = this.#settings();
    await configure(admin, settings);
    const clientRule = await this.#rules();
    this.mixed = settings.oauth_clients === 'together' && clientRule;
  }

  #may(probability: number): boolean {
    return mayBe(this.#random, probability);
  }

  #pick<T>(from: readonly T[]): T {
    return pick(this.#random, from);
  }

  #session(userId: string): object {
    const ends = this.#pick([null, null, null, -1.5, 2.5, 40.5, 700.5]);
    const ours = ends !== null && this.#may(0.6);
    return {
      id: randomUUID(),
      user_id: userId,
      signed_in: this.#may(0.1) ? null : this.#pick([0.5, 2.5, 10.5, 30.5, 100.5, 300.5]),
      used: this.#may(0.4) ? null : this.#pick([0.5, 3.5, 20.5, 60.5, 200.5]),
      aal: this.#pick(['aal1', 'aal1', 'aal2', 'aal2', null]),
      client: this.#may(0.6) ? null : this.#pick(clients),
      ends,
      ours,
      noted: this.#may(0.08),
      kept: ours && this.#may(0.3) ? ends + this.#pick([0, 10, 500]) : null,
    };
  }

  #settings(): Settings {
    return {
      enabled: true,
      max_sessions: this.#pick([1, 2, 3, 5]),
      strategy: this.#pick(['dequeue', 'reject']),
      eviction_order: this.#pick(['oldest', 'least_recently_used']),
      oauth_clients: this.#pick(['ignore', 'separate', 'together']),
      timebox: this.#pick([null, null, '50 hours', '1000 hours']),
      inactivity_timeout: this.#pick([null, null, '30 hours', '500 hours']),
      low_aal_timeout: this.#pick([null, '5 hours', '200 hours']),
      reject_ignores_idle: this.#pick([null, '15 hours', '7 days']),
    };
  }

  /** Rules of every kind. Returns whether there is one for a client. */
  async #rules(): Promise<boolean> {
    const rules: object[] = [];
    const says = (): object => {
      const unlimited = this.#may(0.2);
      const no_deadline = this.#may(0.2);
      return {
        priority: this.#pick([1, 100, 100]),
        unlimited,
        max_sessions: unlimited ? null : this.#pick([null, 1, 2, 4]),
        strategy: this.#pick([null, null, 'dequeue', 'reject']),
        no_deadline,
        timebox: no_deadline ? null : this.#pick([null, '20 hours', '2000 hours']),
        inactivity_timeout: no_deadline ? null : this.#pick([null, '10 hours', '2000 hours']),
      };
    };
    if (this.#may(0.3)) rules.push({name: 'own', user_id: users[0]?.userId, ...says()});
    if (this.#may(0.4)) rules.push({name: 'b pro', app_metadata: {plan: 'pro'}, ...says()});
    if (this.#may(0.3)) rules.push({name: 'a red', app_metadata: {team: 'red'}, ...says()});
    const clientRule = this.#may(0.3);
    if (clientRule) rules.push({name: 'c client', oauth_client_id: clients[0], ...says()});
    await admin.query(
      'insert into supasession.rules select r.* from jsonb_populate_recordset(null::supasession.rules, $1) r',
      [JSON.stringify(rules)],
    );
    return clientRule;
  }
}

/** Runs `work` in a transaction that leaves nothing. */
async function undone<T>(work: () => Promise<T>): Promise<T> {
  await admin.query('begin');
  try {
    return await work();
  } finally {
    await admin.query('rollback');
  }
}

interface Row {
  id: string;
  live: boolean;
  /** Milliseconds since 1970; null for none. */
  not_after: number | null;
}

async function rows(): Promise<Map<string, Row>> {
  const {rows: found} = await admin.query<Row>(
    `select id, not_after is null or not_after > clock_timestamp() as live, extract(epoch from not_after)::float8 * 1000 as not_after
     from auth.sessions`,
  );
  return new Map(found.map((row) => [row.id, row]));
}

interface Refreshed {
  id: string;
  kind: string | null;
  reason: string | null;
}

/** What a refresh of each session does to it, each by itself: why it ends, if it does. */
async function refreshes(): Promise<Map<string, Refreshed>> {
  const {rows: found} = await admin.query<Refreshed>('select * from pg_temp.refreshes()');
  return new Map(found.map((row) => [row.id, row]));
}

const REFRESHES = `
  create function pg_temp.refreshes() returns table (id uuid, kind text, reason text) language plpgsql as $$
  declare
    one uuid;
  begin
    for one in
      select s.id from auth.sessions s
      where (s.not_after is null or s.not_after > now())
        and not exists (select from supasession.pending_ends e where e.session_id = s.id)
    loop
      begin
        update auth.sessions s set refreshed_at = clock_timestamp() at time zone 'UTC' where s.id = one;
        select s.id, e.kind, e.reason into id, kind, reason
        from auth.sessions s left join supasession.events e on e.session_id = s.id
        where s.id = one;
        -- What the history says is what has happened.
        if (kind is null) <> exists (select from auth.sessions s where s.id = one and (s.not_after is null or s.not_after > clock_timestamp())) then
          kind := 'contradiction';
        end if;
        raise exception 'undo' using errcode = 'UNDO0';
      exception
        when sqlstate 'UNDO0' then null;
      end;
      return next;
    end loop;
  end
  $$`;

it(`${SITUATIONS} situations: what the query says is what happens`, async () => {
  process.stderr.write(`verdicts, seed ${SEED}\n`);
  const random = generator(SEED);
  await admin.query(REFRESHES);
  const seen: Record<string, number> = {};
  const see = (what: string, count = 1): void => {
    seen[what] = (seen[what] ?? 0) + count;
  };

  for (let n = 0; n < SITUATIONS; n += 1) {
    const situation = new Situation(random);
    await situation.build();
    const given = await basis();
    const said = await verdicts(null, [], given);
    const of = new Map(said.map((verdict) => [verdict.session_id, verdict]));
    const where = {seed: SEED, situation: n};

    // 1. A refresh.
    const refreshed = await refreshes();
    const pool = ({user_id, client, pending}: Verdict): Verdict[] =>
      said.filter((other) => other.user_id === user_id && other.client === client && other.pending === pending);
    for (const {id, kind, reason} of refreshed.values()) {
      const verdict = of.get(id);
      let expected: string | null = null;
      if (verdict?.ends != null) expected = verdict.ends;
      else if (verdict?.over === true) expected = `limit of ${verdict.max_sessions}, at refresh`;
      else if (verdict?.idle === true) {
        // It comes back, after all that are not idle.
        if (situation.mixed) continue;
        const active = pool(verdict).filter(({idle}) => idle === false).length;
        if (verdict.max_sessions !== null && active >= verdict.max_sessions)
          expected = `limit of ${verdict.max_sessions}, at refresh`;
        see(expected === null ? 'idle, goes on' : 'idle, ends');
      }
      expect({...where, id, kind, reason}).toEqual({
        ...where,
        id,
        kind: expected === null ? null : verdict?.ends == null ? 'evicted' : 'expired',
        reason: expected,
      });
      see(expected === null ? 'goes on' : (verdict?.ends ?? 'over'));
      if (verdict?.over === true && verdict.pending) see('over, pending');
      if (verdict?.over === true && verdict.client !== null) see('over, of a client');
      if (verdict?.rule != null) see('by a rule');
    }
    // Nothing is said of sessions that have ended.
    expect({...where, unknown: said.filter(({session_id}) => !refreshed.has(session_id))}).toEqual({
      ...where,
      unknown: [],
    });

    // 2. enforce().
    await undone(async () => {
      const before = await rows();
      const {rows: done} = await admin.query<{evicted: number; expired: number; deadlines: number}>(
        'select evicted, expired, deadlines from supasession.enforce()',
      );
      const after = await rows();
      const due = new Map(
        said
          .filter(({over, ends, deadline}) => over || ends !== null || deadline !== null)
          .map(({session_id, over, ends, deadline}): [string, string | number] => [
            session_id,
            ends === null ? (over ? 'evicted' : (deadline?.getTime() ?? NaN)) : 'expired',
          ]),
      );
      const changes = [...before.values()]
        .filter(({id, not_after}) => after.get(id)?.not_after !== not_after)
        .map(({id}): [string, string | number] => {
          const row = after.get(id);
          const [is, said] = [row?.not_after ?? NaN, due.get(id)];
          if (row?.live !== true) return [id, row ? 'expired' : 'evicted'];
          // One that was never signed in, as far as we know, has its deadline from now on.
          return [id, typeof said === 'number' && Math.abs(is - said) < 2000 ? said : is];
        });
      const all = [...due.values()];
      if (!situation.mixed) {
        expect({...where, changes: Object.fromEntries(changes)}).toEqual({...where, changes: Object.fromEntries(due)});
        expect({...where, done}).toEqual({
          ...where,
          done: [
            {
              evicted: all.filter((what) => what === 'evicted').length,
              expired: all.filter((what) => what === 'expired').length,
              deadlines: all.filter((what) => typeof what === 'number').length,
            },
          ],
        });
      }
      see('deadlines', all.filter((what) => typeof what === 'number').length);
      // To the query, whose time stands still in a transaction, what has just expired is alive.
      const expired = [...after.values()].filter(({live}) => !live).map(({id}) => id);
      const left = (await verdicts(null, expired, given)).filter(
        ({session_id, over, ends, deadline}) =>
          over ||
          ends !== null ||
          // Less than a second is what the clock of the transaction is behind.
          (deadline !== null && deadline.getTime() < (after.get(session_id)?.not_after ?? Infinity) - 2000),
      );
      expect({...where, left}).toEqual({...where, left: []});
    });

    // 3. A sign-in.
    await undone(async () => {
      const next = {
        id: randomUUID(),
        user_id: pick(random, users).userId,
        client: mayBe(random, 0.6) ? null : pick(random, clients),
        aal: pick(random, ['aal1', 'aal1', 'aal2', null]),
      };
      const insert = async (): Promise<unknown> =>
        admin.query(
          `insert into auth.sessions (id, user_id, created_at, updated_at, aal, oauth_client_id)
           values ($1, $2, clock_timestamp(), now(), $3, $4)`,
          [next.id, next.user_id, next.aal, next.client],
        );
      await admin.query('savepoint before');
      await admin.query('set local session_replication_role = replica');
      await insert();
      const beside = await verdicts([next.user_id], [], given);
      await admin.query('rollback to savepoint before');
      const its = beside.find(({session_id}) => session_id === next.id);
      const others = beside.filter(
        ({session_id, client, pending}) => session_id !== next.id && client === its?.client && pending === its.pending,
      );
      if (others.some(({rule}) => rule !== its?.rule)) return;
      const over = others.filter(({rank, max_sessions}) => max_sessions !== null && Number(rank) > max_sessions);
      const active = over.filter(({idle}) => idle === false).length > 0;

      const before = await rows();
      let refused = false;
      try {
        await insert();
      } catch (error) {
        if (!(error instanceof DatabaseError) || error.code !== 'PT403') throw error;
        refused = true;
        await admin.query('rollback to savepoint before');
      }
      const after = await rows();
      const ended = [...before.keys()].filter((id) => !after.has(id)).sort();
      const strategy = given.rules.find(({name}) => name === its?.rule)?.strategy ?? given.settings.strategy;
      const rejects = strategy === 'reject' && its?.pending === false;
      expect({...where, sign_in: next, refused, ended}).toEqual({
        ...where,
        sign_in: next,
        refused: rejects && active,
        ended: rejects && active ? [] : over.map(({session_id}) => session_id).sort(),
      });
      see(refused ? 'refused' : ended.length > 0 ? 'let in, ending others' : 'let in');
    });
  }

  // What never came up was not held against anything.
  const kinds = [
    ...['goes on', 'over', 'over, pending', 'over, of a client', 'inactivity', 'timebox', 'second factor missing'],
    ...['idle, goes on', 'idle, ends', 'by a rule', 'deadlines', 'refused', 'let in', 'let in, ending others'],
  ];
  expect({seed: SEED, rare: kinds.filter((kind) => (seen[kind] ?? 0) < OFTEN), seen}).toMatchObject({rare: []});
});

/** Sessions of a user at these ages in hours, oldest first, by the superuser and past all triggers. */
async function sessions(
  userId: string,
  given: {hours: number; client?: string; aal?: string; used?: number}[],
): Promise<string[]> {
  await admin.query('set session_replication_role = replica');
  const {rows: made} = await admin.query<{id: string}>(
    `insert into auth.sessions (id, user_id, created_at, updated_at, aal, oauth_client_id, refreshed_at)
     select gen_random_uuid(), $1, now() - hours * interval '1 hour', now(), coalesce(aal, 'aal1')::auth.aal_level, client,
       (now() - used * interval '1 hour') at time zone 'UTC'
     from jsonb_to_recordset($2) g (hours float8, client uuid, aal text, used float8) order by hours desc
     returning id`,
    [userId, JSON.stringify(given)],
  );
  await admin.query('reset session_replication_role');
  return made.map(({id}) => id);
}

const user = (n: number): string => users[n]?.userId ?? '';

async function over(): Promise<string[]> {
  return (await verdicts()).filter((verdict) => verdict.over).map(({session_id}) => session_id);
}

it('asks nothing of our schema, and works before it is there', async () => {
  const bare = await createDatabase();
  try {
    const client = await bare.connect('postgres');
    const [made] = await createUsers(client, 1);
    await createSessions(client, [made?.userId ?? ''], 3);
    const settings = JSON.stringify({max_sessions: 2, strategy: 'dequeue', oauth_clients: 'ignore', timebox: '1 hour'});
    const {rows: said} = await client.query<Verdict>(sql, [settings, '[]', null, []]);
    expect(said.filter((verdict) => verdict.over)).toHaveLength(1);
    expect(said.filter(({deadline}) => deadline !== null)).toHaveLength(3);
  } finally {
    await bare.drop();
  }
});

it('has nothing to say where there are no sessions, and speaks of the users that are asked for', async () => {
  await configure(postgres, {enabled: true, max_sessions: 1});
  expect(await verdicts()).toEqual([]);
  for (const {userId} of users) await sessions(userId, [{hours: 2}, {hours: 1}]);
  expect(await over()).toHaveLength(3);
  expect(new Set((await verdicts([user(0), user(2)])).map(({user_id}) => user_id))).toEqual(
    new Set([user(0), user(2)]),
  );
  expect(await verdicts([])).toEqual([]);
});

it('leaves sessions in pending_ends out, from the places too', async () => {
  const [, second, third] = await sessions(user(0), [{hours: 3}, {hours: 2}, {hours: 1}]);
  await configure(postgres, {enabled: true, max_sessions: 2, timebox: '1 hour'});
  expect(await over()).toHaveLength(1);
  await postgres.query('insert into supasession.pending_ends (session_id, user_id) values ($1, $2)', [second, user(0)]);
  expect(await over()).toEqual([]);
  const said = await verdicts();
  expect(said.map(({rank}) => rank)).toEqual(['1', '2']);
  expect(said.map(({session_id}) => session_id)).toContain(third);
  expect(said.map(({session_id}) => session_id)).not.toContain(second);
});

it('judges pending sessions in a pool of their own, never idle, and by low_aal_timeout only if it is set', async () => {
  await createFactor(admin, user(0));
  const [full, , first, ...others] = await sessions(user(0), [
    ...[30, 20].map((hours) => ({hours, aal: 'aal2'})),
    ...[10, 9, 8].map((hours) => ({hours})),
  ]);
  await configure(postgres, {enabled: true, max_sessions: 2, strategy: 'reject', reject_ignores_idle: '1 hour'});
  expect(await over()).toEqual([first]);
  expect((await verdicts()).filter(({pending}) => pending).map(({idle}) => idle)).toEqual([false, false, false]);
  expect((await verdicts()).filter(({ends}) => ends !== null)).toEqual([]);
  await postgres.query("update supasession.config set low_aal_timeout = '9 hours 30 minutes'");
  const said = new Map((await verdicts()).map((verdict) => [verdict.session_id, verdict]));
  expect(said.get(first ?? '')).toMatchObject({ends: 'second factor missing', pending: true});
  expect(others.map((id) => said.get(id)?.deadline)).toEqual([expect.any(Date), expect.any(Date)]);
  expect(said.get(full ?? '')).toMatchObject({ends: null, deadline: null, pending: false});
});

it.each(['Etc/GMT+12', 'Asia/Tokyo'])('reads refreshed_at as UTC in time zone %s', async (zone) => {
  // Last used 2, 4, 5 and 7 hours ago.
  const made = await sessions(user(0), [{hours: 90, used: 2}, {hours: 80, used: 5}, {hours: 70, used: 7}, {hours: 4}]);
  await configure(postgres, {
    ...{enabled: true, max_sessions: 2, eviction_order: 'least_recently_used'},
    inactivity_timeout: '6 hours',
  });
  await admin.query(`set time zone '${zone}'`);
  try {
    expect((await over()).sort()).toEqual([made[1], made[2]].sort());
    const due = (await verdicts()).filter(({ends}) => ends !== null);
    expect(due.map(({session_id, ends}) => [session_id, ends])).toEqual([[made[2], 'inactivity']]);
    await configure(postgres, {enabled: true, max_sessions: 2, strategy: 'reject', reject_ignores_idle: '6 hours'});
    const idle = (await verdicts()).filter((verdict) => verdict.idle);
    expect(idle.map(({session_id}) => session_id)).toEqual([made[2]]);
  } finally {
    await admin.query('reset time zone');
  }
});

describe('the counts', () => {
  interface Impact {
    users_over: string;
    sessions_over: string;
    users_at: string;
    sessions_expiring: string;
    evicted: string;
  }

  async function impact(): Promise<Impact> {
    const {settings, rules, ending} = await basis();
    const {rows: said} = await admin.query<Impact>(await readSql('queries/impact.sql'), [
      ...[JSON.stringify(settings), JSON.stringify(rules)],
      null,
      ending,
    ]);
    if (!said[0]) throw new Error('no answer');
    return said[0];
  }

  it('take a user with full pools of clients for one at the limit only if the own pool is full', async () => {
    const [client] = clients;
    if (client === undefined) throw new Error('no client');
    await sessions(user(0), [{hours: 1}, ...[4, 3].map((hours) => ({hours, client}))]);
    await sessions(user(1), [{hours: 1}, {hours: 2}, ...[4, 3].map((hours) => ({hours, client}))]);
    await sessions(user(2), [{hours: 1}]);
    await configure(postgres, {enabled: true, max_sessions: 2, oauth_clients: 'separate'});
    expect(await impact()).toMatchObject({users_over: '0', sessions_over: '0', users_at: '1'});
    await configure(postgres, {enabled: true, max_sessions: 1, oauth_clients: 'separate'});
    expect(await impact()).toMatchObject({users_over: '2', sessions_over: '3', users_at: '2'});
    await configure(postgres, {enabled: true, max_sessions: 3, oauth_clients: 'together'});
    expect(await impact()).toMatchObject({users_over: '1', sessions_over: '1', users_at: '1'});
    await configure(postgres, {enabled: true, max_sessions: 2, oauth_clients: 'ignore'});
    expect(await impact()).toMatchObject({users_over: '0', sessions_over: '0', users_at: '1'});
  });

  it('leave pending sessions and those in pending_ends out of who is at the limit', async () => {
    await createFactor(admin, user(0));
    await sessions(user(0), [{hours: 1}, {hours: 2}]);
    const [noted] = await sessions(user(1), [{hours: 1}, {hours: 2}]);
    await configure(postgres, {enabled: true, max_sessions: 2});
    expect(await impact()).toMatchObject({users_at: '1'});
    await postgres.query('insert into supasession.pending_ends (session_id, user_id) values ($1, $2)', [
      noted,
      user(1),
    ]);
    expect(await impact()).toMatchObject({users_at: '0'});
  });

  it('do not count one that has a place twice: over the limit and past a deadline', async () => {
    await sessions(user(0), [{hours: 9}, {hours: 8}, {hours: 1}]);
    await configure(postgres, {enabled: true, max_sessions: 1, timebox: '8 hours 30 minutes'});
    expect(await impact()).toMatchObject({sessions_over: '2', sessions_expiring: '1', evicted: '1'});
  });
});

it('20,000 sessions and ten rules are judged within three seconds', async () => {
  const many = await createUsers(postgres, 4000);
  try {
    await admin.query('set session_replication_role = replica');
    await createSessions(
      admin,
      many.map(({userId}) => userId),
      5,
    );
    await admin.query(`update auth.users set raw_app_meta_data = '{"plan": "pro"}' where id = any ($1)`, [
      many.filter((_, n) => n % 3 === 0).map(({userId}) => userId),
    ]);
    await admin.query('reset session_replication_role');
    await configure(postgres, {enabled: true, max_sessions: 3, timebox: '30 days', inactivity_timeout: '7 days'});
    const rules = [
      ...many.slice(1, 5).map(({userId}) => ({name: userId, user_id: userId, max_sessions: 1})),
      ...['pro', 'team', 'free', 'gold'].map((plan) => ({name: plan, app_metadata: {plan}, max_sessions: 2})),
      ...clients.map((id) => ({name: id, oauth_client_id: id, max_sessions: 2})),
    ].map((rule) => ({priority: 100, unlimited: false, no_deadline: false, ...rule}));
    expect(rules).toHaveLength(10);
    await postgres.query(
      'insert into supasession.rules select r.* from jsonb_populate_recordset(null::supasession.rules, $1) r',
      [JSON.stringify(rules)],
    );
    await admin.query("set statement_timeout = '3s'");
    const said = await verdicts();
    // Of five sessions: one third of the users keep two ("pro"), the others three, and four of them one.
    expect(said.filter((verdict) => verdict.over)).toHaveLength(1333 * 3 + 2663 * 2 + 4 * 4);
    expect(said.filter(({deadline}) => deadline !== null)).toHaveLength(20_000);
  } finally {
    await admin.query('reset statement_timeout; reset session_replication_role');
    await postgres.query('delete from auth.users where id = any ($1)', [many.map(({userId}) => userId)]);
  }
});
