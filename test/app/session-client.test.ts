import type {SupabaseClient} from '@supabase/supabase-js';
import {
  createSessionClient,
  isLimitError,
  watchFetch,
  type SessionClient,
  type SessionEvent,
} from '../../packages/js/src/index.js';
import {startStandIn, type StandIn} from '../../packages/stand-in/src/index.js';
import {HOOK, startApp, type App, type AppUser} from '../helpers/app.js';
import {SUPABASE_VERSIONS} from '../../packages/js/test/supabase-versions.js';

const SAFARI =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1';
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:152.0) Gecko/20100101 Firefox/152.0';

const {jest} = import.meta;
let app: App;
let guarded: StandIn;

beforeAll(async () => {
  app = await startApp();
  guarded = await startStandIn({
    databaseUrl: app.databaseUrl(),
    jwtSecret: app.jwtSecret,
    hook: HOOK,
    exposedSchemas: ['public', 'supasession'],
    preRequest: 'supasession.check_request',
  });
  await app.database.query('create table if not exists notes (); grant select on notes to authenticated');
});
afterAll(async () => {
  await guarded.close();
  await app.stop();
});

interface TestDevice {
  supabase: SupabaseClient;
  session: SessionClient;
  events: SessionEvent[];
}

describe.each(Object.keys(SUPABASE_VERSIONS) as (keyof typeof SUPABASE_VERSIONS)[])(
  'with the %s supabase-js',
  (version) => {
    const open: TestDevice[] = [];

    beforeEach(async () => {
      await app.configure();
      // Only what the time is: answers and waits are real.
      jest.useFakeTimers({
        now: Date.now(),
        doNotFake: [
          'setTimeout',
          'clearTimeout',
          'setInterval',
          'clearInterval',
          'setImmediate',
          'clearImmediate',
          'nextTick',
          'queueMicrotask',
          'performance',
          'hrtime',
        ],
      });
    });
    afterEach(() => {
      for (const {session} of open.splice(0)) session.dispose();
      jest.useRealTimers();
    });

    const openDevice = ({url = app.url, key = app.anonKey, userAgent = FIREFOX} = {}): TestDevice => {
      const fetch = watchFetch();
      const supabase = SUPABASE_VERSIONS[version]({url, key, fetch, userAgent});
      const session = createSessionClient(supabase, {url, key, fetch, check: {every: false}});
      const events: SessionEvent[] = [];
      session.onChange((event) => events.push(event));
      open.push({supabase, session, events});
      return open.at(-1)!;
    };

    const signIn = async (
      {email, password}: AppUser,
      options: Parameters<typeof openDevice>[0] = {},
    ): Promise<TestDevice> => {
      const device = openDevice(options);
      const {error} = await device.supabase.auth.signInWithPassword({email, password});
      if (error) throw error;
      await device.session.check();
      return device;
    };

    /** Five seconds later, when tabs may ask again. */
    const check = async ({session}: TestDevice) => {
      jest.setSystemTime(Date.now() + 5_000);
      return session.check();
    };

    const nextEvent = async ({session, events}: TestDevice): Promise<SessionEvent> =>
      events.at(-1) ??
      new Promise((resolve) => {
        session.onChange(resolve);
      });

    const isSignedOut = async ({supabase}: TestDevice): Promise<boolean> =>
      (await supabase.auth.getSession()).data.session === null;

    const sql = async (text: string, ...values: unknown[]): Promise<unknown> => app.database.query(text, values);

    test('the device that made way is told what took its place', async () => {
      const user = await app.newUser();
      const evicted = await signIn(user);
      expect(evicted.session.getSnapshot()).toMatchObject({live: true, endsAt: null});
      await signIn(user, {userAgent: SAFARI});
      expect((await check(evicted)).data).toMatchObject({live: false, reason: 'evicted', cause: 'Safari on iPhone'});
      expect(evicted.events).toEqual([{type: 'ended', reason: 'evicted', cause: 'Safari on iPhone', otherTab: false}]);
      expect(await isSignedOut(evicted)).toBe(true);
    });

    test('at the next request with the guard, too', async () => {
      const user = await app.newUser();
      const evicted = await signIn(user, {url: guarded.url, key: guarded.anonKey});
      await signIn(user, {userAgent: SAFARI});
      jest.setSystemTime(Date.now() + 5_000);
      const {error} = await evicted.supabase.from('notes').select();
      expect(error).toMatchObject({code: 'PT401'});
      expect(await nextEvent(evicted)).toMatchObject({reason: 'evicted', cause: 'Safari on iPhone'});
    });

    test('at a refresh that Auth refuses, and at getUser()', async () => {
      const user = await app.newUser();
      const refreshed = await signIn(user);
      await signIn(user, {userAgent: SAFARI});
      await refreshed.supabase.auth.refreshSession();
      expect(await nextEvent(refreshed)).toMatchObject({reason: 'evicted', cause: 'Safari on iPhone'});

      const asked = await signIn(user);
      await signIn(user, {userAgent: SAFARI});
      await asked.supabase.auth.getUser();
      expect(await nextEvent(asked)).toMatchObject({reason: 'evicted', cause: 'Safari on iPhone'});
      expect(await isSignedOut(asked)).toBe(true);
    });

    test('devices are listed and revoked', async () => {
      await app.configure({max_sessions: 3});
      const user = await app.newUser();
      const [first, second, third] = [await signIn(user), await signIn(user, {userAgent: SAFARI}), await signIn(user)];
      const {data: devices} = await first.session.listDevices();
      expect(devices).toHaveLength(3);
      expect(devices![0]).toMatchObject({current: true, label: 'Firefox on Linux', ip: '127.0.0.1', endsAt: null});
      const phone = devices!.find(({label}) => label === 'Safari on iPhone')!;
      expect(await first.session.revokeDevice(phone.id)).toEqual({data: true, error: null});
      expect((await check(second)).data).toMatchObject({reason: 'revoked', cause: 'Firefox on Linux'});
      expect(await first.session.revokeOtherDevices()).toEqual({data: 1, error: null});
      expect((await check(third)).data).toMatchObject({reason: 'revoked'});
      expect((await check(first)).data).toMatchObject({live: true});
    });

    test('a deadline of the server is shown, and said to be the reason', async () => {
      await app.configure({timebox: '1 hour'});
      const device = await signIn(await app.newUser());
      const {endsAt, limit, sessionId} = device.session.getSnapshot();
      expect(limit).toBe('timebox');
      expect(Math.abs(endsAt!.getTime() - Date.now() - 3_600_000)).toBeLessThan(60_000);
      await sql(
        "update auth.sessions set created_at = now() - interval '2 hours', not_after = not_after - interval '2 hours' where id = $1",
        sessionId,
      );
      expect((await check(device)).data).toMatchObject({live: false, reason: 'timebox'});
    });

    test('a session that was not used is ended by inactivity', async () => {
      await app.configure({inactivity_timeout: '30 minutes'});
      const device = await signIn(await app.newUser());
      const {limit, sessionId} = device.session.getSnapshot();
      expect(limit).toBe('inactivity');
      await sql(
        "update auth.sessions set created_at = now() - interval '2 hours', not_after = not_after - interval '2 hours' where id = $1",
        sessionId,
      );
      const {error} = await device.supabase.auth.refreshSession();
      expect(error).not.toBeNull();
      expect(await nextEvent(device)).toMatchObject({reason: 'inactivity'});
    });

    test("somebody else's deadline", async () => {
      const device = await signIn(await app.newUser());
      await sql(
        "update auth.sessions set not_after = now() - interval '1 minute' where id = $1",
        device.session.getSnapshot().sessionId,
      );
      await device.supabase.auth.refreshSession();
      expect(await nextEvent(device)).toMatchObject({reason: 'sessionExpired'});
    });

    test('access revoked, a user banned, a user deleted', async () => {
      const [revoked, banned, deleted] = [await app.newUser(), await app.newUser(), await app.newUser()];
      const devices = [await signIn(revoked), await signIn(banned), await signIn(deleted)];
      await sql('select supasession.revoke_access($1)', revoked.id);
      await app.admin.auth.admin.updateUserById(banned.id, {ban_duration: '1h'});
      await app.admin.auth.admin.deleteUser(deleted.id);
      expect((await check(devices[0]!)).data).toMatchObject({live: false, reason: 'accessRevoked'});
      await devices[1]!.supabase.auth.getUser();
      expect(await nextEvent(devices[1]!)).toMatchObject({reason: 'accessRevoked'});
      await devices[2]!.supabase.auth.getUser();
      expect(await nextEvent(devices[2]!)).toMatchObject({reason: 'sessionMissing'});
    });

    test('a refresh token that somebody else has used', async () => {
      const device = await signIn(await app.newUser());
      let {refresh_token} = (await device.supabase.auth.getSession()).data.session!;
      for (let uses = 0; uses < 2; uses += 1) {
        const answer = await fetch(`${app.url}/auth/v1/token?grant_type=refresh_token`, {
          method: 'POST',
          headers: {apikey: app.anonKey, 'content-type': 'application/json'},
          body: JSON.stringify({refresh_token}),
        });
        ({refresh_token} = (await answer.json()) as {refresh_token: string});
      }
      await sql(
        "update auth.refresh_tokens set updated_at = now() - interval '1 hour' where session_id = $1",
        device.session.getSnapshot().sessionId,
      );
      await device.supabase.auth.refreshSession();
      expect(await nextEvent(device)).toMatchObject({reason: 'tokenReuse'});
    });

    test('signing out here, elsewhere and everywhere', async () => {
      await app.configure({max_sessions: 3});
      const user = await app.newUser();
      const [here, there] = [await signIn(user), await signIn(user)];
      await here.supabase.auth.signOut({scope: 'others'});
      expect((await check(there)).data).toMatchObject({live: false, reason: 'sessionMissing'});
      expect(here.events).toEqual([]);
      expect(await here.session.end()).toEqual({data: null, error: null});
      expect(here.events).toMatchObject([{reason: 'userInitiated', otherTab: false}]);
      const again = await signIn(user);
      await again.supabase.auth.signOut();
      expect(await nextEvent(again)).toMatchObject({reason: 'userInitiated'});
    });

    test('a refused sign-in is known, with its limit', async () => {
      await app.configure({strategy: 'reject', reject_in_hook: true});
      const user = await app.newUser();
      await signIn(user);
      const {error} = await openDevice().supabase.auth.signInWithPassword(user);
      expect(isLimitError(error) && error.limit).toBe(1);
    });

    test('without the schema in the Data API it does without, and says what to run', async () => {
      const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
      const {databaseUrl, jwtSecret} = app;
      const closed = await startStandIn({
        databaseUrl: databaseUrl(),
        jwtSecret,
        hook: HOOK,
        exposedSchemas: ['public'],
      });
      const user = await app.newUser();
      const device = await signIn(user, {url: closed.url, key: closed.anonKey});
      expect((await check(device)).error).toMatchObject({
        code: 'notExposed',
        message: expect.stringContaining('supasession api enable'),
      });
      await signIn(user, {userAgent: SAFARI});
      expect((await check(device)).data).toMatchObject({live: false, reason: 'sessionMissing'});
      await closed.close();
      warn.mockRestore();
    });
  },
);
