import {type Device} from './types.js';

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
export function readDevices(rows: unknown): Device[] | null {
  try {
    return (rows as Row[])
      .map(readDevice)
      .sort((a, b) => Number(b.current) - Number(a.current) || b.lastSeenAt.getTime() - a.lastSeenAt.getTime());
  } catch {
    return null;
  }
}
