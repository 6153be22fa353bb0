import {createClient} from '@supabase/supabase-js';
import {createSessionClient, watchFetch} from 'supasession-js';
import {expiringStorage} from 'supasession-js/storage';

const url = import.meta.env['VITE_SUPABASE_URL'] as string;
const key = import.meta.env['VITE_SUPABASE_KEY'] as string;

/** Whether the sign-in outlives the browser: the checkbox of the sign-in form. */
export const remember = {
  get: () => localStorage.getItem('remember') !== 'no',
  set: (yes: boolean) => localStorage.setItem('remember', yes ? 'yes' : 'no'),
};

const fetch = watchFetch();

export const supabase = createClient(url, key, {
  global: {fetch},
  auth: {storage: expiringStorage({deadline: '30d', inactivity: '7d', remember: remember.get})},
});

/** Short times, so that a visitor sees the warning. An app would take something like 30 minutes. */
export const session = createSessionClient(supabase, {url, key, fetch, idle: '3m', maxAge: '12h', warnBefore: '1m'});

/** What the Data API answers to a token, also to one that has ended: only a demonstration asks with such a one. */
export async function askWith(token: string): Promise<{status: number; code: string; message: string}> {
  const answer = await globalThis.fetch(`${url}/rest/v1/notes?select=id`, {
    headers: {apikey: key, authorization: `Bearer ${token}`},
  });
  const body = (await answer.json()) as {code?: string; message?: string};
  return {status: answer.status, code: body.code ?? '', message: body.message ?? ''};
}
