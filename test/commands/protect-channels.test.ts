import type {ProtectResult} from '../../src/features/protect/command.js';
import {createSessions, createUser, type AuthSession} from '../helpers/auth.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {startServer, type TestServer} from '../helpers/server.js';

let server: TestServer;
let project: TestProject;

beforeAll(async () => {
  server = await startServer();
  project = await createProject({port: server.port});
  await project.run(['init', '--apply', '--no-enable', '--yes']);
  // As Realtime makes it, as far as policies go.
  await (
    await server.connect('supabase_admin')
  )
    .query(`create table realtime.messages (topic text not null, extension text not null, inserted_at timestamp not null default now())
      partition by range (inserted_at);
    create table realtime.messages_all partition of realtime.messages for values from (minvalue) to (maxvalue);
    alter table realtime.messages enable row level security;
    grant usage on schema realtime to authenticated;
    grant select, insert on realtime.messages to authenticated;
    create policy everybody on realtime.messages to authenticated using (true) with check (true)`);
});
afterAll(async () => {
  await project.remove();
  await server.stop();
});

/** Asks as Realtime does when somebody joins a channel: may this token read, and write? */
async function asked({sessionId, userId}: AuthSession): Promise<{read: boolean; write: boolean}> {
  const admin = await server.connect('supabase_admin');
  const claims = JSON.stringify({sub: userId, session_id: sessionId, role: 'authenticated'});
  await admin.query('begin');
  try {
    await admin.query("insert into realtime.messages (topic, extension) values ('room', 'broadcast')");
    await admin.query("select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)", [
      claims,
    ]);
    const {rowCount} = await admin.query('select from realtime.messages');
    const write = await admin
      .query("insert into realtime.messages (topic, extension) values ('room', 'broadcast')")
      .then(
        () => true,
        (error: unknown) => {
          expect(error).toMatchObject({code: '42501'});
          return false;
        },
      );
    return {read: rowCount === 1, write};
  } finally {
    await admin.query('rollback');
  }
}

test('they need not belong to the role that makes the policies, as on hosted projects', async () => {
  const run = await project.run(['protect', 'add', 'realtime.messages', '--dry-run', '--json']);
  expect(run).toMatchObject({code: 0});
  expect((run.json as ProtectResult).tables).toEqual([
    {
      table: 'realtime.messages',
      policies: [{name: 'supasession_access', command: 'all', maxAge: null}],
      changes: true,
    },
  ]);
});

test('private channels are closed to tokens of ended sessions, and say when they are asked', async () => {
  // On hosted projects postgres may make policies there without owning the table; a plain Postgres wants the owner.
  await (await server.connect('supabase_admin')).query('alter table realtime.messages owner to postgres');
  const client = await server.connect();
  const {userId} = await createUser(client);
  const [ended, live] = await createSessions(client, [userId], 2);
  await client.query('delete from auth.sessions where id = $1', [ended!.sessionId]);
  expect(await asked(ended!)).toEqual({read: true, write: true});

  const run = await project.run(['protect', 'add', 'realtime.messages', '--apply']);
  expect(run).toMatchObject({code: 0});
  expect(run.stdout).toContain('Realtime checks them when a client joins a channel, and when it sends a new token.');
  expect(run.stdout).not.toContain('partitions');
  expect(run.stderr).toContain('Protected: realtime.messages.');
  expect(await asked(ended!)).toEqual({read: false, write: false});
  expect(await asked(live!)).toEqual({read: true, write: true});
});
