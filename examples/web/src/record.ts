/** Writes the timeline: what auth-js and the session client say, in the order in which they say it. */
import type {Session} from '@supabase/supabase-js';
import {session, supabase} from './supabase.js';
import {record} from './timeline.js';
import {endInWords, limitInWords} from './words.js';

let sessionId: string | undefined;

/** What the browser held when the page was loaded: auth-js calls that SIGNED_IN, too. */
const before = [localStorage, sessionStorage]
  .flatMap((storage) => Object.keys(storage).map((key) => storage.getItem(key)))
  .join();

/** Says where the browser keeps the session. */
function recordStored(): void {
  for (const [name, storage] of Object.entries({localStorage, sessionStorage})) {
    const key = Object.keys(storage).find((key) => key.endsWith('-auth-token'));
    if (key !== undefined) record('plain', 'Stored', `${key} in ${name}`);
  }
}

/** auth-js sends SIGNED_IN each time the tab comes back, so a session counts once. */
function recordSignIn({access_token, user}: Session, title: string): void {
  const {session_id} = JSON.parse(atob(access_token.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/'))) as {
    session_id: string;
  };
  if (session_id === sessionId) return;
  sessionId = session_id;
  record('good', title, `${user.email ?? 'anonymous'}, session ${session_id.slice(0, 8)}`);
  recordStored();
}

supabase.auth.onAuthStateChange((event, stored) => {
  if (!stored) return;
  if (event === 'TOKEN_REFRESHED') record('plain', 'Token refreshed');
  const known = event !== 'SIGNED_IN' || before.includes(stored.access_token);
  recordSignIn(stored, known ? 'Still signed in' : 'Signed in');
});

session.onChange((event) => {
  if (event.type === 'warning') {
    record('soon', 'Warning', `${event.secondsLeft} s left: ${limitInWords(event.limit)}`);
  } else if (event.type === 'extended') {
    record('good', 'Extended', event.endsAt ? `until ${event.endsAt.toLocaleTimeString()}` : 'no deadline');
  } else {
    sessionId = undefined;
    const from = event.otherTab ? ', told by another tab' : '';
    record('bad', 'Signed out', `${event.reason}${from}: ${endInWords(event.reason, event.cause).title}`);
  }
});
