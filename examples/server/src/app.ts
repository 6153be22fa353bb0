import type {SupabaseClient} from '@supabase/supabase-js';
import {Hono, type Context} from 'hono';
import {csrf} from 'hono/csrf';
import {isLimitError, type SessionError} from 'supasession-js';
import {requireFresh, verifySession} from 'supasession-js/server';
import {confirmPage, notesPage, signInPage} from './pages.js';
import {clientFor, type Project} from './supabase.js';

type Env = {Variables: {supabase: SupabaseClient}};

/** How old a sign-in may be for what cannot be undone. */
const FRESH = '1m';

/** The site: pages without a script, forms, and the session in HTTP-only cookies. */
export function createApp(project: Project): Hono<Env> {
  const app = new Hono<Env>();
  app.use(csrf());
  app.use(async (c, next) => {
    c.set('supabase', clientFor(c, project));
    await next();
  });
  app.get('/', showNotes);
  app.post('/sign-in', signIn);
  app.post('/sign-out', async (c) => {
    await c.get('supabase').auth.signOut({scope: 'local'});
    return c.redirect('/', 303);
  });
  app.post('/notes', addNote);
  app.post('/delete-all', deleteAll);
  return app;
}

async function field(c: Context<Env>, name: string): Promise<string> {
  const value = (await c.req.parseBody())[name];
  return typeof value === 'string' ? value : '';
}

async function showNotes(c: Context<Env>) {
  const supabase = c.get('supabase');
  const {data, error} = await verifySession(supabase);
  if (error) return notSignedIn(c, error);
  const {data: notes} = await supabase.from('notes').select('body').order('id').overrideTypes<Array<{body: string}>>();
  return c.html(notesPage({email: String(data.claims['email']), signedInAt: data.signedInAt, notes: notes ?? []}));
}

async function signIn(c: Context<Env>) {
  const supabase = c.get('supabase');
  // The new sign-in takes the place of this browser's session, and not that of another device.
  await supabase.auth.signOut({scope: 'local'});
  const {error} = await supabase.auth.signInWithPassword({
    email: await field(c, 'email'),
    password: await field(c, 'password'),
  });
  if (!error) return c.redirect('/', 303);
  const words = isLimitError(error)
    ? `You are signed in on ${error.limit ?? 'too many'} devices. Sign out on one of them, then try again.`
    : error.message;
  return c.html(signInPage(words), 403);
}

async function addNote(c: Context<Env>) {
  const {error} = await verifySession(c.get('supabase'));
  if (error) return notSignedIn(c, error);
  await c
    .get('supabase')
    .from('notes')
    .insert({body: await field(c, 'body')});
  return c.redirect('/', 303);
}

/** Cannot be undone: for a fresh sign-in only. */
async function deleteAll(c: Context<Env>) {
  const supabase = c.get('supabase');
  const {data, error} = await requireFresh(supabase, {maxAge: FRESH});
  if (error?.code === 'stale') {
    const {data: session} = await verifySession(supabase);
    return c.html(confirmPage(String(session?.claims['email'])), 403);
  }
  if (error) return notSignedIn(c, error);
  await supabase.from('notes').delete().eq('user_id', data.claims['sub']);
  return c.redirect('/', 303);
}

/** The sign-in page, with the reason. Cookies of a session that has ended go; while the project cannot be reached, they stay. */
async function notSignedIn(c: Context<Env>, {code, reason, cause = 'another device', message}: SessionError) {
  if (code === 'unreachable' || code === 'notExposed') return c.html(signInPage(message), 503);
  if (code === 'signedOut') return c.html(signInPage(''), 401);
  await c.get('supabase').auth.signOut({scope: 'local'});
  return c.html(
    signInPage(reason === 'evicted' ? `You were signed out because you signed in on ${cause}.` : message),
    401,
  );
}
