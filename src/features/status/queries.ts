import {readSql} from '../../database/sql.js';
import type {Queryable} from '../../database/connection.js';

/** How many users have so many live sessions. */
export interface HistogramEntry {
  sessions: number;
  users: number;
}

/** What there is, whatever the limit. */
export interface Overview {
  /** Users with live sessions, by how many they have, the fewest first. */
  histogram: HistogramEntry[];
  /** Rows of sessions that have ended. */
  ended: number;
}

/**
 * Works without an installation too.
 * @param db an open connection
 * @param ending ids of sessions that count as ended
 * @returns what there is
 */
export async function readOverview(db: Queryable, ending: string[]): Promise<Overview> {
  const {rows} = await db.query<{histogram: HistogramEntry[]; ended: string}>(await readSql('queries/overview.sql'), [
    ending,
  ]);
  return {histogram: rows[0]!.histogram, ended: Number(rows[0]!.ended)};
}

/**
 * @param db an open connection to an installation
 * @returns how many users' access is revoked
 */
export async function countRevoked(db: Queryable): Promise<number> {
  const {rows} = await db.query<{users: string}>('select count(*) as users from supasession.revoked');
  return Number(rows[0]!.users);
}
