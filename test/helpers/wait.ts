import type {Client} from 'pg';

/** Waits until `condition` holds, asking it over and over. Fails naming `what` when it never does within `timeout` milliseconds. */
export async function until(what: string, condition: () => Promise<boolean>, timeout = 10_000): Promise<void> {
  const deadline = Date.now() + timeout;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeout} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The process id of a connection's server process. */
export async function backendPid(client: Client): Promise<number> {
  const {rows} = await client.query<{pid: number}>('select pg_backend_pid() as pid');
  const pid = rows[0]?.pid;
  if (pid === undefined) throw new Error('no process id');
  return pid;
}

/** Whether the server process waits for a lock that another one holds. */
export async function isBlocked(observer: Client, pid: number): Promise<boolean> {
  const {rows} = await observer.query<{blocked: boolean}>('select cardinality(pg_blocking_pids($1)) > 0 as blocked', [
    pid,
  ]);
  return rows[0]?.blocked === true;
}

/** Waits until every one of the server processes waits for a lock that another one holds. */
export async function untilBlocked(observer: Client, ...pids: number[]): Promise<void> {
  await until(`processes ${pids.join(', ')} wait for a lock`, async () => {
    const {rows} = await observer.query<{blocked: boolean}>(
      'select bool_and(cardinality(pg_blocking_pids(pid)) > 0) as blocked from unnest($1::int[]) as waiting (pid)',
      [pids],
    );
    return rows[0]?.blocked === true;
  });
}

/** Waits until the server process sleeps, which is how a refresh of ours waits for the user's row. */
export async function untilSleeping(observer: Client, pid: number): Promise<void> {
  await until(`process ${pid} sleeps`, async () => {
    const {rows} = await observer.query('select from pg_stat_activity where pid = $1 and wait_event = $2', [
      pid,
      'PgSleep',
    ]);
    return rows.length > 0;
  });
}

/** Waits until the server process has waited for a lock for so many milliseconds. */
export async function untilBlockedFor(observer: Client, pid: number, milliseconds: number): Promise<void> {
  await until(`process ${pid} has waited ${milliseconds} ms for a lock`, async () => {
    const {rows} = await observer.query(
      "select from pg_locks where pid = $1 and clock_timestamp() - waitstart > $2 * interval '1 millisecond'",
      [pid, milliseconds],
    );
    return rows.length > 0;
  });
}
