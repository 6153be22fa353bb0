/**
 * Auth's own migrations run on its tables as if ours were not there: a column that could be altered or dropped before the installation can
 * be after it. And where one that we read is gone, sign-ins and refreshes go on.
 */
import {randomUUID} from 'node:crypto';
import type pg from 'pg';
import {
  createFactor,
  createSessions,
  createSamlUser,
  run,
  samlAcs,
  startSamlPkce,
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, install, type Settings} from '../helpers/install.js';
import {within} from '../helpers/within.js';

const TABLES = ['users', 'sessions', 'mfa_amr_claims', 'mfa_factors', 'flow_state', 'refresh_tokens'];

let database: TestDatabase;
let bare: TestDatabase;
let warnings: string[];

beforeAll(async () => {
  [database, bare] = [await createDatabase(), await createDatabase()];
  await install(await database.connect('postgres'));
});

afterAll(async () => Promise.all([database.drop(), bare.drop()]));

interface Column {
  column: string;
  /** As it is declared, with the schema of what is Auth's own. */
  type: string;
}

async function columnsOf(client: pg.Client, table: string): Promise<Column[]> {
  const {rows} = await client.query<Column>(
    `select attname as column, format_type(atttypid, atttypmod) as type from pg_attribute
     where attrelid = ('auth.' || $1)::regclass and attnum > 0 and not attisdropped order by attnum`,
    [table],
  );
  return rows;
}

describe.each(TABLES)('of auth.%s', (table) => {
  /** How each change of each column ends, as Auth's role makes it. */
  async function walk(target: TestDatabase): Promise<Record<string, string>> {
    const client = await target.connect('supabase_auth_admin');
    const ends: Record<string, string> = {};
    for (const {column, type} of await columnsOf(client, table)) {
      for (const change of [
        `alter column ${column} type ${type} using ${column}`,
        `alter column ${column} drop default, alter column ${column} type ${type === 'text' ? 'varchar(255)' : 'text'} using ${column}::text`,
        `drop column ${column}`,
      ]) {
        await client.query('begin');
        ends[change] = await client.query(`alter table ${table} ${change}`).then(
          () => 'done',
          (error: unknown) => (error as pg.DatabaseError).code ?? '',
        );
        await client.query('rollback');
      }
    }
    return ends;
  }

  it('every column can be altered and dropped that could be before', async () => {
    const before = await walk(bare);
    expect(Object.values(before)).toContain('done');
    expect(await walk(database)).toEqual(before);
  });
});

describe('with a column dropped', () => {
  let admin: pg.Client;
  /** Two sessions a minute apart; with a second factor, the first one has passed it. */
  let user: AuthUser;
  let first: AuthSession;
  let last: AuthSession;

  beforeAll(async () => {
    admin = await database.connect('supabase_admin');
    admin.on('notice', ({severity, message}) => severity === 'WARNING' && warnings.push(message ?? ''));
  });

  type Row = Record<string, unknown>;
  interface Act {
    /** Sends an insert without the column that is gone, if it has it. */
    insert: (row: Row) => Promise<unknown>;
    /** An update of a session, likewise. */
    update: (session: AuthSession, row: Row) => Promise<unknown>;
  }

  interface Scenario {
    name: string;
    settings: Settings;
    before?: 'a rule' | 'a second factor' | 'a flow of SAML' | 'access revoked';
    act: (act: Act) => Promise<unknown>;
    /** What is live after it if nothing is gone. */
    live: string[];
    /** What it fails with then. */
    error?: string;
    /** Whether it has been decided before: then it holds without any column but user_id. */
    decided?: boolean;
  }

  const limits: Settings = {
    ...{enabled: true, max_sessions: 1, timebox: '1 day', inactivity_timeout: '12 hours', low_aal_timeout: '1 hour'},
    record_device_changes: true,
  };
  const time = (): string => new Date().toISOString();
  const signIn = async ({insert}: Act): Promise<unknown> =>
    insert({
      ...{id: randomUUID(), user_id: user.userId, created_at: time(), updated_at: time(), aal: 'aal1'},
      ...{user_agent: 'node', ip: '127.0.0.1', not_after: null, refreshed_at: null, oauth_client_id: null, tag: null},
    });
  const touch = async ({update}: Act): Promise<unknown> =>
    update(first, {refreshed_at: time(), updated_at: time(), user_agent: 'curl/8', ip: '127.0.0.1'});
  const rise = async ({update}: Act): Promise<unknown> => update(last, {aal: 'aal2', updated_at: time()});

  const SCENARIOS: Scenario[] = [
    {name: 'sign-in', settings: limits, act: signIn, live: ['new']},
    {name: 'sign-in, by use', settings: {...limits, eviction_order: 'least_recently_used'}, act: signIn, live: ['new']},
    {
      name: 'sign-in, a pool for each client',
      settings: {...limits, oauth_clients: 'separate'},
      act: signIn,
      live: ['new'],
    },
    {name: 'sign-in, by a rule', settings: limits, before: 'a rule', act: signIn, live: ['last', 'new']},
    {name: 'sign-in, after one by SAML', settings: limits, before: 'a flow of SAML', act: signIn, live: ['new']},
    {
      name: 'sign-in, refused',
      settings: {...limits, strategy: 'reject'},
      act: signIn,
      live: ['first', 'last'],
      error: 'PT403',
    },
    {name: 'sign-in, observed', settings: {...limits, mode: 'observe'}, act: signIn, live: ['first', 'last', 'new']},
    {name: 'sign-in, with limits off', settings: {enabled: false}, act: signIn, live: ['first', 'last', 'new']},
    {
      name: 'sign-in, access revoked',
      settings: limits,
      before: 'access revoked',
      act: signIn,
      live: ['first', 'last'],
      error: 'PT403',
      decided: true,
    },
    {
      name: 'refresh, access revoked',
      settings: limits,
      before: 'access revoked',
      act: touch,
      live: ['last'],
      decided: true,
    },
    {name: 'refresh', settings: limits, act: touch, live: ['last']},
    {name: 'refresh, by use', settings: {...limits, eviction_order: 'least_recently_used'}, act: touch, live: ['last']},
    {name: 'refresh, under reject', settings: {...limits, strategy: 'reject'}, act: touch, live: ['last']},
    {name: 'refresh, by a rule', settings: limits, before: 'a rule', act: touch, live: ['first', 'last']},
    {name: 'refresh, observed', settings: {...limits, mode: 'observe'}, act: touch, live: ['first', 'last']},
    {name: 'refresh, with limits off', settings: {enabled: false}, act: touch, live: ['first', 'last']},
    {name: 'second factor', settings: limits, before: 'a second factor', act: rise, live: ['last']},
    {
      name: 'second factor, under reject',
      settings: {...limits, strategy: 'reject'},
      before: 'a second factor',
      act: rise,
      live: ['first', 'last'],
      error: 'PT403',
    },
  ];

  interface Outcome {
    error: string | undefined;
    live: string[];
    warned: boolean;
  }

  /** Plays it with each of these columns dropped in turn. */
  async function play(scenario: Scenario, table: string, columns: string[]): Promise<Outcome[]> {
    const client = within(admin);
    const outcomes: Outcome[] = [];
    await admin.query('begin');
    try {
      user = await createSamlUser(client);
      [first, last] = (await createSessions(client, [user.userId], 2)) as [AuthSession, AuthSession];
      await prepare(scenario.before);
      await configure(client, scenario.settings);
      await admin.query('savepoint prepared');
      for (const column of columns) {
        await admin.query(
          `alter table auth.${table} drop column if exists ${column}; set local role supabase_auth_admin`,
        );
        warnings = [];
        const error = await scenario.act(actor(table === 'sessions' ? column : '')).then(
          () => undefined,
          (failure: unknown) => (failure as pg.DatabaseError).code,
        );
        if (error !== undefined) await admin.query('rollback to savepoint prepared');
        const {rows} = await admin.query<{id: string}>(
          "select id from auth.sessions s where coalesce(to_jsonb(s) ->> 'not_after', 'infinity')::timestamptz > clock_timestamp() order by id",
        );
        const names = new Map([
          [first.sessionId, 'first'],
          [last.sessionId, 'last'],
        ]);
        outcomes.push({error, live: rows.map(({id}) => names.get(id) ?? 'new').sort(), warned: warnings.length > 0});
        await admin.query('rollback to savepoint prepared');
      }
      return outcomes;
    } finally {
      await admin.query('rollback');
    }
  }

  async function prepare(what: Scenario['before']): Promise<void> {
    const {userId} = user;
    if (what === 'a rule') {
      await admin.query(`update auth.users set raw_app_meta_data = '{"plan": "pro"}' where id = $1`, [userId]);
      await admin.query(
        `insert into supasession.rules (name, app_metadata, max_sessions) values ('pro', '{"plan": "pro"}', 2)`,
      );
    } else if (what === 'a second factor') {
      await createFactor(admin, userId);
      await admin.query("update auth.sessions set aal = 'aal2' where id = $1", [first.sessionId]);
    } else if (what === 'access revoked') {
      await admin.query('insert into supasession.revoked (user_id) values ($1)', [userId]);
    } else if (what === 'a flow of SAML') {
      const client = within(admin);
      await admin.query('set local role supabase_auth_admin; set local search_path = auth');
      const code = await run(client, startSamlPkce());
      await run(client, samlAcs(user, {code}));
      await admin.query('reset role; reset search_path');
    }
  }

  function actor(gone: string): Act {
    const kept = (row: Row): [string, unknown][] => Object.entries(row).filter(([name]) => name !== gone);
    return {
      insert: async (row) => {
        const columns = kept(row);
        return admin.query(
          `insert into auth.sessions (${columns.map(([name]) => name).join(', ')}) values (${columns.map((_, n) => `$${n + 1}`).join(', ')})`,
          columns.map(([, value]) => value),
        );
      },
      update: async ({sessionId}, row) => {
        const columns = kept(row);
        return admin.query(
          `update auth.sessions set ${columns.map(([name], n) => `${name} = $${n + 2}`).join(', ')} where id = $1`,
          [sessionId, ...columns.map(([, value]) => value)],
        );
      },
    };
  }

  /** What the triggers read of Auth's tables, but for the keys, which cannot be dropped. */
  const READ: Record<string, string[]> = {
    users: ['raw_app_meta_data'],
    sessions: ['user_id', 'created_at', 'aal', 'not_after', 'refreshed_at', 'user_agent', 'oauth_client_id'],
    mfa_factors: ['user_id', 'status'],
    flow_state: ['user_id', 'authentication_method'],
  };

  it.each(SCENARIOS)('of none, $name does what it always does', async (scenario) => {
    const [outcome] = await play(scenario, 'sessions', ['nothing']);
    expect(outcome).toEqual({error: scenario.error, live: scenario.live, warned: false});
  });

  it.each(TABLES)(
    'of auth.%s, sign-ins and refreshes pass, with a warning if it is one that we read',
    async (table) => {
      const droppable: string[] = [];
      for (const {column} of await columnsOf(admin, table)) {
        await admin.query('begin');
        await admin.query(`alter table auth.${table} drop column ${column}`).then(
          () => droppable.push(column),
          () => undefined,
        );
        await admin.query('rollback');
      }
      const complaints: string[] = [];
      const read = new Set<string>();
      for (const scenario of SCENARIOS) {
        for (const [index, {error, live, warned}] of (await play(scenario, table, droppable)).entries()) {
          const column = droppable[index]!;
          if (warned) read.add(column);
          const same = error === scenario.error && String(live) === String(scenario.live);
          // What has to end and has no not_after can only fail.
          const holds = same || (error !== undefined && column === 'not_after');
          const fine =
            scenario.decided === true && column !== 'user_id' ? holds : same || (error === undefined && warned);
          if (!fine) complaints.push(`${scenario.name} without ${column}: ${error ?? 'passed'}, ${String(live)}`);
        }
      }
      expect(complaints).toEqual([]);
      expect([...read].sort()).toEqual((READ[table] ?? []).sort());
    },
  );
});
