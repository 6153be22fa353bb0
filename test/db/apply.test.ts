import {connect, type Connection} from '../../src/database/connection.js';
import {targetFromUrl} from '../../src/database/target.js';
import {planApply} from '../../src/features/install/apply.js';
import {findProject} from '../../src/supabase/project.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {createProject, type TestProject} from '../helpers/project.js';

let database: TestDatabase;
let project: TestProject;
let connection: Connection;

beforeAll(async () => {
  database = await createDatabase();
  const client = await database.connect();
  await client.query(
    'create schema supabase_migrations; create table supabase_migrations.schema_migrations (version text primary key)',
  );
  const unanswered = async () => null;
  connection = await connect(
    targetFromUrl(database.url(), '--db-url', {
      ...{env: {}, localPort: async () => 0, link: async () => undefined},
      ...{passfile: unanswered, loginRole: unanswered, askPassword: unanswered},
    }),
  );
});
beforeEach(async () => {
  project = await createProject();
});
afterEach(async () => {
  await project.remove();
  await connection.query('delete from supabase_migrations.schema_migrations');
});
afterAll(async () => {
  await connection.close();
  await database.drop();
});

/** Versions are text to the supabase CLI, and of any length: it wants to be told about a file that sorts before one which is applied. */
test.each([
  ['20260102000000', '20260101000000', true],
  ['20260101000000', '20260102000000', false],
  // As numbers these would be the other way round.
  ['20260101000000', '3', false],
  ['3', '20260101000000', true],
  ['20260102000000', '202601010000001', true],
  ['202601010000001', '20260102000000', false],
  ['20260101', '2026010100000', false],
])('after %s, a pending %s is out of order: %s', async (applied, pending, outOfOrder) => {
  await project.addMigration(`${applied}_applied.sql`, 'select 1;');
  await project.addMigration(`${pending}_pending.sql`, 'select 1;');
  await connection.query('insert into supabase_migrations.schema_migrations values ($1)', [applied]);
  const plan = await planApply(await findProject({cwd: project.root, env: {}}), connection, process.env);
  expect(plan).toMatchObject({own: [], others: [`${pending}_pending.sql`], outOfOrder});
});

test('the newest of those that are applied counts, as text', async () => {
  await connection.query("insert into supabase_migrations.schema_migrations values ('20260101000000'), ('3')");
  for (const version of ['20260101000000', '3']) await project.addMigration(`${version}_applied.sql`, 'select 1;');
  await project.addMigration('20260102000000_pending.sql', 'select 1;');
  const plan = await planApply(await findProject({cwd: project.root, env: {}}), connection, process.env);
  expect(plan.outOfOrder).toBe(true);
});
