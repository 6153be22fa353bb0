import type {HistoryMatch} from '../types.js';
import type {Queryable} from './connection.js';
import {sqlstateOf} from './errors.js';

const UNDEFINED_TABLE = '42P01';

/** The versions in the supabase CLI's history of migrations, in order; none if it has never run. */
export async function readAppliedMigrations(db: Queryable): Promise<string[]> {
  try {
    const {rows} = await db.query<{version: string}>(
      'select version from supabase_migrations.schema_migrations order by version collate "C"',
    );
    return rows.map(({version}) => version);
  } catch (error) {
    if (sqlstateOf(error) === UNDEFINED_TABLE) return [];
    throw error;
  }
}

/** Versions are text to the supabase CLI: two that are the same number are two migrations. */
export function matchHistory(applied: readonly string[], files: readonly string[]): HistoryMatch {
  const known = new Set(files);
  const unknown = applied.filter((version) => !known.has(version)).length;
  // A project without files does not say whose database it is.
  return {
    applied: applied.length,
    unknown,
    otherProject: files.length > 0 && unknown > 0 && unknown === applied.length,
  };
}
