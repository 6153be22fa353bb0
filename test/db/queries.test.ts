/**
 * What the command line counts (sql/queries) against the same counted here, in plain words, in random situations without an installation;
 * and what health.sql finds in installations that were damaged at random. SUPASESSION_SEED chooses them; a failure names it.
 */
import {randomUUID} from 'node:crypto';
import type {Client} from 'pg';
import {readSql} from '../../src/database/sql.js';
import {readImpact, type Basis} from '../../src/features/settings/verdicts.js';
import {DEFAULT_SETTINGS, type Settings} from '../../src/types.js';
import {createUsers, type AuthUser} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {install} from '../helpers/install.js';
import {generator} from '../helpers/random.js';

const SEED = Number(process.env['SUPASESSION_SEED'] ?? Math.floor(Math.random() * 1e6));
const SITUATIONS = 60;
const random = generator(SEED);
const pick = <T>(...from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

/** Hours before now; an end in hours from now. Halves, where all spans are whole hours, so that nothing comes due meanwhile. */
interface Session {
  id: string;
  user: number;
  signedIn: number | null;
  used: number | null;
  ends: number | null;
  /** Whether it is in pending_ends. */
  pending: boolean;
}

let database: TestDatabase;
let admin: Client;
let users: AuthUser[];

beforeAll(async () => {
  database = await createDatabase();
  admin = await database.connect('supabase_admin');
  users = await createUsers(admin, 4);
});
afterAll(async () => database.drop());

function randomSessions(): Session[] {
  return Array.from({length: Math.floor(random() * 25)}, () => ({
    id: randomUUID(),
    user: Math.floor(random() * users.length),
    signedIn: pick(null, 0.5, 5.5, 5.5, 30.5, 100.5),
    used: pick(null, null, 0.5, 3.5, 20.5, 60.5),
    ends: pick(null, null, null, -40.5, -0.5, 1.5, 200.5),
    pending: random() < 0.1,
  }));
}

async function store(sessions: Session[]): Promise<void> {
  await admin.query('delete from auth.sessions');
  await admin.query(
    `insert into auth.sessions (id, user_id, created_at, updated_at, refreshed_at, not_after, aal)
     select s.id, s.user_id, now() - s.signed_in * interval '1 hour', now(),
       (now() - s.used * interval '1 hour') at time zone 'UTC', now() + s.ends * interval '1 hour', 'aal1'
     from jsonb_to_recordset($1) s (id uuid, user_id uuid, signed_in float8, used float8, ends float8)`,
    [
      JSON.stringify(
        sessions.map(({id, user, signedIn, used, ends}) => ({
          id,
          user_id: users[user]!.userId,
          signed_in: signedIn,
          used,
          ends,
        })),
      ),
    ],
  );
}

const pendingEnds = (sessions: Session[]) => sessions.filter(({pending}) => pending).map(({id}) => id);
const isLive = ({ends, pending}: Session) => (ends === null || ends > 0) && !pending;
const lastUsed = ({used, signedIn}: Session) => used ?? signedIn ?? Infinity;
const hours = (span: string | null) => (span === null ? Infinity : Number(span.split(':')[0]));
function by<T>(list: T[], key: (item: T) => unknown): T[][] {
  const groups = new Map<unknown, T[]>();
  for (const item of list) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return [...groups.values()];
}

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);

function randomSettings(): Settings {
  return {
    ...DEFAULT_SETTINGS,
    enabled: true,
    max_sessions: pick(1, 2, 3, 5),
    strategy: pick('dequeue', 'reject'),
    eviction_order: pick('oldest', 'least_recently_used'),
    timebox: pick(null, null, '24:00:00', '90:00:00'),
    inactivity_timeout: pick(null, null, '10:00:00', '50:00:00'),
    reject_ignores_idle: pick(null, '15:00:00'),
  };
}

interface Verdict {
  id: string;
  user: number;
  over: boolean;
  past: boolean;
  /** Whether it gets an earlier deadline than it has. */
  due: boolean;
}

/** Judges the live sessions of one user. */
function judge(live: Session[], settings: Settings): Verdict[] {
  const idle = (session: Session) =>
    settings.strategy === 'reject' && lastUsed(session) > hours(settings.reject_ignores_idle);
  const age = (session: Session) =>
    settings.eviction_order === 'oldest' ? (session.signedIn ?? Infinity) : lastUsed(session);
  const counted = live
    .filter((session) => !idle(session))
    .sort((a, b) => (age(a) === age(b) ? (a.id < b.id ? 1 : -1) : age(a) - age(b)));
  const over = new Set(counted.slice(settings.max_sessions));
  return live.map((session) => {
    // From now; a session without a time of its sign-in begins now.
    const wanted = Math.min(
      hours(settings.timebox) - (session.signedIn ?? 0),
      settings.inactivity_timeout === null ? Infinity : hours(settings.inactivity_timeout) - lastUsed(session),
    );
    const past = wanted <= 0;
    return {
      ...{id: session.id, user: session.user, past, over: over.has(session)},
      due: !past && !over.has(session) && wanted < (session.ends ?? Infinity),
    };
  });
}

const verdictsOf = (sessions: Session[], settings: Settings) =>
  by(sessions.filter(isLive), ({user}) => user).flatMap((live) => judge(live, settings));

/** Under reject, idle sessions leave their place. */
function isFull(live: Session[], {strategy, max_sessions: max, reject_ignores_idle: idle}: Settings): boolean {
  const counted = live.filter((session) => strategy === 'dequeue' || lastUsed(session) <= hours(idle));
  return counted.length === max;
}

function basisOf(sessions: Session[], settings: Settings): Basis {
  return {settings, rules: [], ending: pendingEnds(sessions)};
}

async function impact(sessions: Session[], settings: Settings) {
  return readImpact(admin, basisOf(sessions, settings));
}

function expectedImpact(sessions: Session[], settings: Settings) {
  const live = by(sessions.filter(isLive), ({user}) => user);
  const verdicts = live.map((own) => judge(own, settings));
  const over = verdicts.map((own) => own.filter((verdict) => verdict.over).length);
  const all = verdicts.flat();
  const expiring = all.filter(({past}) => past).length;
  return {
    impact: {
      overLimit: {users: over.filter((count) => count > 0).length, sessions: sum(over)},
      atLimit: {users: live.filter((own) => isFull(own, settings)).length},
      expiring: {sessions: expiring},
    },
    mostOver: Math.max(0, ...over),
    due: {
      evicted: all.filter((verdict) => verdict.over && !verdict.past).length,
      expired: expiring,
      deadlines: all.filter(({due}) => due).length,
    },
  };
}

describe(`counted in ${SITUATIONS} situations`, () => {
  const seen = {over: 0, at: 0, past: 0, due: 0, spared: 0, ended: 0, unused: 0};

  test.each(Array.from({length: SITUATIONS}, (_, number) => number))('situation %i', async (number) => {
    const where = {seed: SEED, situation: number};
    const sessions = randomSessions();
    const settings = randomSettings();
    await store(sessions);
    const ending = pendingEnds(sessions);

    const expected = expectedImpact(sessions, settings);
    expect({...where, ...(await impact(sessions, settings))}).toEqual({...where, ...expected});
    seen.over += expected.impact.overLimit.sessions;
    seen.at += expected.impact.atLimit.users;
    seen.past += expected.impact.expiring.sessions;
    seen.due += expected.due.deadlines;

    const ended = sessions.filter((session) => !isLive(session));
    const perUser = by(sessions.filter(isLive), ({user}) => user).map((own) => own.length);
    const overview = await admin.query(await readSql('queries/overview.sql'), [ending]);
    const histogram = by(perUser, (count) => count).map((same) => ({sessions: same[0]!, users: same.length}));
    expect({...where, ...overview.rows[0]}).toEqual({
      ...where,
      histogram: histogram.sort((a, b) => a.sessions - b.sessions),
      ended: String(ended.length),
    });
    seen.ended += ended.length;

    const span = pick(2, 25);
    const old = sessions.filter((session) => (session.ends ?? 0) < -span || lastUsed(session) > span);
    const unused = old.filter(isLive);
    const prunable = await admin.query(await readSql('queries/prunable.sql'), [
      new Date(Date.now() - span * 3_600_000),
      ending,
    ]);
    expect({...where, ...prunable.rows[0]}).toEqual({
      ...where,
      ended: String(old.length - unused.length),
      live: String(unused.length),
      users: String(new Set(unused.map(({user}) => user)).size),
    });
    seen.unused += unused.length;

    const before = verdictsOf(sessions, settings).filter(({over, past}) => over || past);
    const changed = {
      ...settings,
      ...pick<Partial<Settings>>({max_sessions: 1}, {max_sessions: 4}, {timebox: '04:00:00'}, {timebox: null}),
    };
    const after = verdictsOf(sessions, changed).filter(({over, past}) => over || past);
    const added = after.filter(({id}) => !before.some((verdict) => verdict.id === id));
    const spared = before.filter(({id}) => !after.some((verdict) => verdict.id === id));
    const affected = await admin.query<{ids: string[]}>(await readSql('queries/affected.sql'), [
      ...[JSON.stringify(changed), '[]', null, ending],
      before.map(({id}) => id),
    ]);
    expect({...where, ...affected.rows[0], ids: affected.rows[0]!.ids.sort()}).toEqual({
      ...where,
      ids: after.map(({id}) => id).sort(),
      sessions: String(added.length),
      users: String(new Set(added.map(({user}) => user)).size),
      spared: String(spared.length),
    });
    seen.spared += spared.length;
  });

  test('that had everything in them', () => {
    expect(Object.entries(seen).filter(([, count]) => count < 5)).toEqual([]);
  });
});

test('sessions are judged on an Auth that knows no OAuth clients, too', async () => {
  const sessions = randomSessions();
  const settings: Settings = {...randomSettings(), oauth_clients: 'separate'};
  await store(sessions);
  await admin.query('begin; alter table auth.sessions drop column oauth_client_id cascade');
  try {
    expect({seed: SEED, ...(await impact(sessions, settings))}).toEqual({
      seed: SEED,
      ...expectedImpact(sessions, settings),
    });
  } finally {
    await admin.query('rollback');
  }
});

describe('health.sql', () => {
  let installed: TestDatabase;
  let owner: Client;

  beforeAll(async () => {
    installed = await createDatabase();
    await install(await installed.connect());
    owner = await installed.connect('supabase_admin');
  });
  afterAll(async () => installed.drop());

  const DAMAGES: [statement: string, check: string][] = [
    [
      'revoke execute on function supasession.access_token_hook(jsonb) from supabase_auth_admin',
      'hook executable by Auth',
    ],
    ['drop trigger supasession_interceptor on auth.sessions', 'trigger supasession_interceptor'],
    ['alter table auth.sessions disable trigger supasession_refresh', 'trigger supasession_refresh'],
    ['drop trigger config_write on supasession.config', 'trigger config_write'],
    ['alter table supasession.revoked drop column reason', 'table supasession.revoked'],
    ['alter table supasession.rules alter column priority type bigint', 'table supasession.rules'],
    ['alter table auth.mfa_factors rename column status to state', 'table auth.mfa_factors'],
    ['revoke update on auth.users from postgres', 'rights on auth.users'],
  ];

  async function wrong(): Promise<{check: string; detail: string | null; fix: string | null}[]> {
    const {rows} = await owner.query<{check: string; ok: boolean; detail: string | null; fix: string | null}>(
      await readSql('queries/health.sql'),
    );
    expect(rows.length).toBeGreaterThan(15);
    return rows.filter(({ok}) => !ok);
  }

  test('finds nothing wrong in a fresh installation', async () => {
    expect(await wrong()).toEqual([]);
  });

  test('finds each damage, and no other, however many there are', async () => {
    for (let number = 0; number < 30; number++) {
      const damages = DAMAGES.filter(() => random() < 0.3);
      await owner.query(`begin; ${damages.map(([statement]) => statement).join('; ')}`);
      try {
        const found = await wrong();
        expect([SEED, number, found.map(({check}) => check).sort()]).toEqual([
          ...[SEED, number],
          damages.map(([, check]) => check).sort(),
        ]);
        expect(found.filter(({detail, fix}) => !detail || !fix)).toEqual([]);
      } finally {
        await owner.query('rollback');
      }
    }
  });
});
