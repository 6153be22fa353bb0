import {readSql} from '../../database/sql.js';
import type {Queryable} from '../../database/connection.js';

/** How many users have so many live sessions. */
export interface HistogramEntry {
  sessions: number;
  users: number;
}

export interface Overview {
  /** Users with live sessions, by how many they have, the fewest first. */
  histogram: HistogramEntry[];
  /** Rows of sessions that have ended. */
  ended: number;
}

/**
 * Works without an installation too.
 * @param ending ids of sessions that count as ended
 */
export async function readOverview(db: Queryable, ending: string[]): Promise<Overview> {
  const {rows} = await db.query<{histogram: HistogramEntry[]; ended: string}>(await readSql('queries/overview.sql'), [
    ending,
  ]);
  return {histogram: rows[0]!.histogram, ended: Number(rows[0]!.ended)};
}

export async function countRevoked(db: Queryable): Promise<number> {
  const {rows} = await db.query<{users: string}>('select count(*) as users from supasession.revoked');
  return Number(rows[0]!.users);
}
