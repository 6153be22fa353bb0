import {requireFresh, verifySession} from '../../packages/js/src/server.js';
import {startApp, type App} from '../helpers/app.js';
import {SUPABASE_VERSIONS} from '../../packages/js/test/supabase-versions.js';

let app: App;

beforeAll(async () => {
  app = await startApp();
});
afterAll(async () => app.stop());

describe.each(Object.keys(SUPABASE_VERSIONS) as (keyof typeof SUPABASE_VERSIONS)[])(
  'with the %s supabase-js',
  (version) => {
    beforeEach(async () => app.configure());

    const client = () => SUPABASE_VERSIONS[version]({url: app.url, key: app.anonKey, fetch, userAgent: 'server'});

    const signIn = async (user?: Awaited<ReturnType<App['newUser']>>) => {
      const owner = user ?? (await app.newUser());
      const {session} = await app.signIn(owner);
      return {user: owner, jwt: session.access_token};
    };

    test('a live session', async () => {
      const {user, jwt} = await signIn();
      const {data, error} = await verifySession(client(), {jwt});
      expect(error).toBeNull();
      expect(data).toMatchObject({claims: {sub: user.id}, endsAt: null});
      expect(Math.abs(Date.now() - data!.signedInAt!.getTime())).toBeLessThan(60_000);
    });

    test('nobody, and a forged token', async () => {
      expect((await verifySession(client())).error).toMatchObject({code: 'signedOut'});
      const {jwt} = await signIn();
      expect((await verifySession(client(), {jwt: jwt.slice(0, -6) + 'AAAAAA'})).error).toMatchObject({
        code: 'signedOut',
      });
    });

    test('an evicted session, with the reason', async () => {
      const {user, jwt} = await signIn();
      await app.signIn(user, {userAgent: 'curl/8'});
      expect((await verifySession(client(), {jwt})).error).toMatchObject({
        ...{code: 'ended', reason: 'evicted', cause: 'curl'},
      });
    });

    test('a session past its deadline, whose row Auth still takes', async () => {
      await app.configure({timebox: '1 hour'});
      const {user, jwt} = await signIn();
      await app.database.query(
        "update auth.sessions set created_at = now() - interval '2 hours', not_after = not_after - interval '2 hours' where user_id = $1",
        [user.id],
      );
      expect((await verifySession(client(), {jwt})).error).toMatchObject({code: 'ended', reason: 'timebox'});
    });

    test('revoked access', async () => {
      const {user, jwt} = await signIn();
      await app.database.query('select supasession.revoke_access($1)', [user.id]);
      expect((await verifySession(client(), {jwt})).error).toMatchObject({code: 'revoked'});
    });

    test('an answer may be as old as maxStale, and no older', async () => {
      const {user, jwt} = await signIn();
      expect((await verifySession(client(), {jwt, maxStale: '1h'})).error).toBeNull();
      // A deadline leaves the row, so that Auth itself still knows the token.
      await app.database.query("update auth.sessions set not_after = now() - interval '1 minute' where user_id = $1", [
        user.id,
      ]);
      expect((await verifySession(client(), {jwt, maxStale: '1h'})).error).toBeNull();
      expect((await verifySession(client(), {jwt})).error).toMatchObject({code: 'ended'});
    });

    test('a fresh sign-in, and one with a second factor', async () => {
      const {jwt} = await signIn();
      expect((await requireFresh(client(), {jwt, maxAge: '5m'})).error).toBeNull();
      expect((await requireFresh(client(), {jwt, maxAge: 0})).error).toMatchObject({code: 'stale'});
      expect((await requireFresh(client(), {jwt, maxAge: '5m', aal: 'aal2'})).error).toMatchObject({code: 'stale'});
    });

    test('a project that cannot be reached', async () => {
      const {jwt} = await signIn();
      const url = 'http://127.0.0.1:9';
      const away = SUPABASE_VERSIONS[version]({url, key: app.anonKey, fetch, userAgent: 'server'});
      expect((await verifySession(away, {jwt})).error).toMatchObject({code: 'unreachable'});
    });
  },
);
