/**
 * Why policies ask `(select supasession.has_access())` and not `supasession.has_access()`: a subquery is asked once for a statement, a bare call for every row.
 * To be run by hand:
 *
 *   npx tsx bench/policies.ts [--rows 100000]
 */
import {parseArgs} from 'node:util';
import Table from 'cli-table3';
import {protectionsFor, protectionSql} from '../src/features/protect/policies.js';
import {createSessions, createUser} from '../test/helpers/auth.js';
import {ask, claimsOf} from '../test/helpers/data-api.js';
import {installOurs, median, startServer, TEMPLATE} from './server.js';

const RUNS = 5;

const {values: options} = parseArgs({options: {rows: {type: 'string', default: '100000'}}});
const server = await startServer();
try {
  console.log(`${await server.facts()}\n`);
  await server.clone('policies', TEMPLATE);
  await installOurs(server, 'policies', {enabled: false});
  const client = await server.connect('policies');
  await client.query(
    `create table public.notes as select n, md5(n::text) as note from generate_series(1, ${Number(options.rows)}) n;
     grant select on public.notes to authenticated;
     alter table public.notes enable row level security;
     create policy everybody on public.notes for select to authenticated using (true)`,
  );
  await client.query('vacuum analyze public.notes');
  const {userId} = await createUser(client);
  const [session] = await createSessions(client, [userId], 1);
  const api = await server.connect('policies', 'authenticator');

  const time = async (): Promise<number> => {
    const times: number[] = [];
    for (let n = 0; n < RUNS; n += 1) {
      const started = performance.now();
      await ask(api, {claims: claimsOf(session!)}, 'select count(*) from notes');
      times.push(performance.now() - started);
    }
    return median(times);
  };
  const without = await time();
  const wrapped = protectionSql({schema: 'public', table: 'notes'}, protectionsFor([], null));
  await client.query(wrapped);
  const subquery = await time();
  await client.query(wrapped.replaceAll('((select supasession.has_access()))', '(supasession.has_access())'));
  const bare = await time();
  await client.query(wrapped.replaceAll('((select supasession.has_access()))', '(supasession.is_live())'));
  const live = await time();

  const table = new Table({
    head: [`count(*) of ${options.rows} rows`, 'ms', 'ratio', 'µs a row'],
    style: {head: [], border: []},
  });
  for (const [label, ms] of [
    ['no policy of ours', without],
    ['(select supasession.has_access())', subquery],
    ['supasession.has_access()', bare],
    ['supasession.is_live()', live],
  ] as const)
    table.push([
      label,
      ms.toFixed(1),
      (ms / without).toFixed(2),
      (((ms - without) * 1000) / Number(options.rows)).toFixed(2),
    ]);
  console.log(table.toString());
} finally {
  await server.stop();
}
