import type {Queryable} from './connection.js';

/** A span of time as Postgres understood it. */
export interface Span {
  /** As Postgres prints it: "12:00:00", "30 days". */
  text: string;
  /** Its length, a month taken as 30 days and a year as 365.25. */
  seconds: number;
}

/**
 * @param db an open connection
 * @param text what somebody typed: "12h", "1h30m", "7 days"
 * @returns the span
 * @throws what the driver throws: 22007 or 22008 for what is no span of time
 */
export async function readSpan(db: Queryable, text: string): Promise<Span> {
  const {rows} = await db.query<{text: string; seconds: number}>(
    'select s::text as text, extract(epoch from s)::float8 as seconds from (select $1::interval as s) span',
    [text],
  );
  return rows[0]!;
}
