import {type Api} from './api.js';
import {ok} from './errors.js';
import {toError} from './refusals.js';
import {type Device, type Result, type SupabaseLike, type Tokens} from './types.js';

interface Row {
  id: string;
  current: boolean;
  device: string | null;
  ip: string | null;
  created_at: string;
  refreshed_at: string | null;
  not_after: string | null;
}

const readDevice = (row: Row): Device => ({
  id: row.id,
  current: row.current,
  label: row.device ?? 'Unknown device',
  ip: row.ip,
  createdAt: new Date(row.created_at),
  lastSeenAt: new Date(row.refreshed_at ?? row.created_at),
  endsAt: row.not_after === null ? null : new Date(row.not_after),
});

/** Reads the rows of `my_sessions()`: the current one first, then by their last use; null for anything else. */
function readDevices(rows: unknown): Device[] | null {
  try {
    return (rows as Row[])
      .map(readDevice)
      .sort((a, b) => Number(b.current) - Number(a.current) || b.lastSeenAt.getTime() - a.lastSeenAt.getTime());
  } catch {
    return null;
  }
}

/** The session that asks for its user's devices. */
export interface Asker {
  auth: SupabaseLike['auth'];
  api: Api;
  id: string;
  tokens: Tokens;
  /** The guard says that this session has ended. */
  refused: () => Promise<unknown>;
  /** Signs out on this device. */
  end: () => Promise<unknown>;
}

export interface Devices {
  list(): Promise<Result<Device[]>>;
  revoke(id: string): Promise<Result<boolean>>;
  revokeOthers(): Promise<Result<number>>;
}

/** The calls about devices. The session client loads this file when the first of them is made. */
export function createDevices({auth, api, id: own, tokens, refused, end}: Asker): Devices {
  const ask = async <T>(name: string, body: object, read: (data: unknown) => T | null): Promise<Result<T>> => {
    const session = await auth.getSession().catch(() => null);
    const answer = await api.call(name, body, (session?.data.session ?? tokens).access_token);
    if (answer.code === 'PT401') await refused();
    const value = answer.status === 200 ? read(answer.data) : null;
    return value === null || Number.isNaN(value) ? toError(answer) : ok(value);
  };
  return {
    list: async () => ask('my_sessions', {}, readDevices),
    revoke: async (id) => {
      const result = await ask('revoke_my_session', {session_id: id}, (data) => data === true);
      if (result.data && id === own) await end();
      return result;
    },
    revokeOthers: async () => ask('revoke_my_other_sessions', {}, Number),
  };
}
