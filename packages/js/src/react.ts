import {useCallback, useEffect, useRef, useState, useSyncExternalStore} from 'react';
import {type SessionClient} from './client.js';
import {NOBODY} from './state.js';
import {type Device, type Result, type SessionError, type SessionState} from './types.js';

/** The state of the session, kept up to date. While a server renders, nobody is signed in. */
export function useSession(client: SessionClient): SessionState {
  return useSyncExternalStore(
    useCallback((listener) => client.subscribe(listener), [client]),
    () => client.getSnapshot(),
    () => NOBODY,
  );
}

interface Devices {
  /** The current one first. */
  devices: Device[];
  error: SessionError | null;
  loading: boolean;
}

export interface UseDevices extends Devices {
  refresh: () => Promise<void>;
  /** Signs out a device, and reads the list again. */
  revoke: (id: string) => Promise<Result<boolean>>;
  /** Signs out all other devices, and reads the list again. */
  revokeOthers: () => Promise<Result<number>>;
}

const NONE: Devices = {devices: [], error: null, loading: false};

/** The user's devices, read when a session begins. */
export function useDevices(client: SessionClient): UseDevices {
  const {sessionId, live} = useSession(client);
  const [devices, setDevices] = useState<Devices>({...NONE, loading: true});
  /** Counts the questions: only the last one's answer counts. */
  const asked = useRef(0);

  const refresh = useCallback(async () => {
    asked.current += 1;
    const mine = asked.current;
    setDevices((before) => ({...before, loading: true}));
    const {data, error} = await client.listDevices();
    if (mine === asked.current) setDevices((before) => ({devices: data ?? before.devices, error, loading: false}));
  }, [client]);

  useEffect(() => {
    if (live) void refresh();
    else setDevices(NONE);
    return () => void (asked.current += 1);
  }, [live, sessionId, refresh]);

  const revoke = async <T>(result: Promise<Result<T>>): Promise<Result<T>> => {
    const {error} = await result;
    if (client.getSnapshot().live) await refresh();
    if (error) setDevices((before) => ({...before, error}));
    return result;
  };

  return {
    ...devices,
    refresh,
    revoke: async (id) => revoke(client.revokeDevice(id)),
    revokeOthers: async () => revoke(client.revokeOtherDevices()),
  };
}
