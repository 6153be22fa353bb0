import type {Context} from 'hono';
import type {ContentfulStatusCode} from 'hono/utils/http-status';
import {DatabaseError} from 'pg';

/** An error of the Data API itself, with PostgREST's code. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: string | null;
  readonly hint: string | null;

  constructor(status: number, code: string, message: string, more: {details?: string; hint?: string} = {}) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.details = more.details ?? null;
    this.hint = more.hint ?? null;
  }
}

/** HTTP statuses of SQLSTATEs and of their classes, as PostgREST maps them. Whatever is not here is 400. */
const STATUSES: Record<string, number> = {
  '08': 503,
  '09': 500,
  '0L': 403,
  '0P': 403,
  '21000': 500,
  '23503': 409,
  '23505': 409,
  '25006': 405,
  '25': 500,
  '28': 403,
  '2D': 500,
  '38': 500,
  '39': 500,
  '3B': 500,
  '40': 500,
  '42883': 404,
  '42P01': 404,
  '42P17': 500,
  '53400': 500,
  '53': 503,
  '54': 500,
  '55': 500,
  '57P01': 503,
  '57': 500,
  '58': 500,
  F0: 500,
  HV: 500,
  P0001: 400,
  P0: 500,
  XX: 500,
};

function statusOf(sqlstate: string, role: string): number {
  const custom = /^PT(\d{3})$/.exec(sqlstate)?.[1];
  if (custom !== undefined) return Number(custom);
  if (sqlstate === '42501') return role === 'anon' ? 401 : 403;
  return STATUSES[sqlstate] ?? STATUSES[sqlstate.slice(0, 2)] ?? 400;
}

const isRefused = (error: unknown): boolean => (error as {code?: unknown}).code === 'ECONNREFUSED';

/**
 * The answer to a request that failed.
 *
 * @param role that the request ran as
 */
export function failure(c: Context, error: unknown, role: string): Response {
  if (error instanceof ApiError) {
    const {code, message, details, hint} = error;
    if (error.status === 401)
      c.header('www-authenticate', `Bearer error="invalid_token", error_description="${message}"`);
    return c.json({code, message, details, hint}, error.status as ContentfulStatusCode);
  }
  if (isRefused(error)) {
    const message = 'Database connection error. Retrying the connection.';
    return c.json({code: 'PGRST000', message, details: null, hint: null}, 503);
  }
  if (!(error instanceof DatabaseError)) throw error;
  const code = error.code ?? 'XX000';
  const status = statusOf(code, role);
  if (status === 401) c.header('www-authenticate', 'Bearer');
  const {message, detail: details = null, hint = null} = error;
  return c.json({code, message, details, hint}, status as ContentfulStatusCode);
}
