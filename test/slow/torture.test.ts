/**
 * Every kind of request at once: 16 connections, three users. SUPASESSION_TORTURE_SECONDS says for how long (default 10; 60 is better
 * by hand), SUPASESSION_SEED chooses what happens (default: by chance), and a failure names it.
 */
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {install} from '../helpers/install.js';
import {torture, type Phase, type Report} from '../helpers/torture.js';

const SECONDS = Number(process.env['SUPASESSION_TORTURE_SECONDS'] ?? 10);
const SEED = Number(process.env['SUPASESSION_SEED'] ?? Math.floor(Math.random() * 1e6));

const common = {enabled: true, record_events: true};
const PHASES: Phase[] = [
  {
    settings: {...common, max_sessions: 3, strategy: 'dequeue', eviction_order: 'oldest', reject_in_hook: false},
    changes: true,
  },
  {settings: {...common, max_sessions: 3, strategy: 'reject', reject_in_hook: false}},
  {
    settings: {
      ...common,
      ...{max_sessions: 2, strategy: 'dequeue', eviction_order: 'least_recently_used', reject_in_hook: false},
      ...{timebox: '30 days', inactivity_timeout: '7 days'},
    },
    changes: true,
    hook: 'supasession.access_token_hook',
  },
  {
    settings: {...common, max_sessions: 2, strategy: 'reject', reject_in_hook: true},
    hook: 'supasession.access_token_hook',
  },
];

const databases: TestDatabase[] = [];
let report: Report;
let alone: Report;

async function measure(installed: boolean): Promise<Report> {
  const database = await createDatabase();
  databases.push(database);
  if (installed) await install(await database.connect('postgres'));
  return torture({database, installed, phases: PHASES, seed: SEED, seconds: SECONDS});
}

const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((all, count) => all + count, 0);

beforeAll(
  async () => {
    report = await measure(true);
    alone = await measure(false);
    process.stderr.write(
      `torture, seed ${SEED}, ${SECONDS} s: ${sum(report.done)} requests, ${report.refused} refused, ${report.evicted} sessions evicted, ${report.deferred} ends deferred, ` +
        `${report.gaveUp} verifications given up, ${report.deadlocks} deadlocks, ` +
        `${report.bystanders} of them with one of ours in the queue (Auth alone: ${sum(alone.done)} requests, ${alone.deadlocks} deadlocks), ${report.samples} samples under reject\n`,
    );
  },
  (SECONDS * 2 + 120) * 1000,
);

afterAll(async () => {
  await Promise.all(databases.map(async (database) => database.drop()));
});

// The seed stands in the values, so that every failure shows it: SUPASESSION_SEED=<seed> runs it again.
describe('16 connections, every kind of request', () => {
  it('no deadlock has a statement or function of ours in it', () => {
    expect({seed: SEED, deadlocks: report.ours}).toEqual({seed: SEED, deadlocks: []});
  });

  it('reject is never over the limit at any sample', () => {
    expect({seed: SEED, over: report.over}).toEqual({seed: SEED, over: []});
    expect(report.samples).toBeGreaterThan(SECONDS);
  });

  it('sessions were evicted, refused, and in use when they were to end: else this would have shown nothing', () => {
    const {refused, evicted, deferred} = report;
    expect({seed: SEED, none: Object.entries({refused, evicted, deferred}).filter(([, n]) => n === 0)}).toEqual({
      seed: SEED,
      none: [],
    });
  });

  it('everything is at the limit at rest, after one round of refreshes', () => {
    expect({seed: SEED, restless: report.restless}).toEqual({seed: SEED, restless: []});
  });

  it('nothing hangs, and nothing fails but in the ways in which Auth fails', () => {
    expect({seed: SEED, unusual: report.unusual}).toEqual({seed: SEED, unusual: []});
    expect({seed: SEED, unusual: alone.unusual}).toEqual({seed: SEED, unusual: []});
  });

  it('every kind of request has succeeded', () => {
    const kinds = Object.keys(report.done).toSorted();
    expect({seed: SEED, kinds}).toEqual({
      seed: SEED,
      kinds: expect.arrayContaining(['password', 'magic link', 'refresh']),
    });
    expect(sum(report.done)).toBeGreaterThan(SECONDS * 10);
  });
});
