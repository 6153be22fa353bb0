import {startApp, type App} from '../helpers/app.js';

let app: App;

beforeAll(async () => {
  app = await startApp();
  await app.configure();
});
afterAll(async () => app.stop());

describe('signing in', () => {
  test('a new user is signed in at once, and the session says where from', async () => {
    const client = app.createClient({userAgent: 'Test phone'});
    const email = `${crypto.randomUUID()}@example.com`;
    const {data, error} = await client.auth.signUp({email, password: 'correct horse'});
    expect(error).toBeNull();
    expect(data.user).toMatchObject({email, role: 'authenticated', is_anonymous: false});
    const {rows} = await app.database.query('select user_agent, host(ip) as ip from auth.sessions where user_id = $1', [
      data.user!.id,
    ]);
    expect(rows).toEqual([{user_agent: 'Test phone', ip: '127.0.0.1'}]);
  });

  test('by password; a wrong one is refused', async () => {
    const user = await app.newUser();
    const {client} = await app.signIn(user);
    expect((await client.auth.getUser()).data.user?.id).toBe(user.id);
    const {error} = await app.createClient().auth.signInWithPassword({...user, password: 'wrong'});
    expect(error).toMatchObject({status: 400, code: 'invalid_credentials', message: 'Invalid login credentials'});
  });
});

test('the functions of supasession answer', async () => {
  const {client, session} = await app.signIn(await app.newUser());
  const {data, error} = await client.schema('supasession').rpc('my_sessions');
  expect(error).toBeNull();
  expect(data).toMatchObject([{current: true, ip: '127.0.0.1'}]);
  expect(session.refresh_token).toHaveLength(12);
});
