import {useEffect, useState} from 'react';
import type {User} from '@supabase/supabase-js';
import {useSession} from 'supasession-js/react';
import {Account} from './Account.js';
import {Devices} from './Devices.js';
import {Notes} from './Notes.js';
import {SignIn} from './SignIn.js';
import {Timeline} from './Timeline.js';
import {session, supabase} from './supabase.js';
import {endInWords} from './words.js';

/** The user whose session is stored here; undefined until the storage has been read. */
function useUser(): User | null | undefined {
  const [user, setUser] = useState<User | null>();
  useEffect(() => {
    const {data} = supabase.auth.onAuthStateChange((_event, stored) => setUser(stored?.user ?? null));
    return () => data.subscription.unsubscribe();
  }, []);
  return user;
}

export function App() {
  const user = useUser();
  const state = useSession(session);
  return (
    <>
      <header>
        <h1>Notes</h1>
        <p>An example of supasession-js: sessions that end visibly, with a reason.</p>
      </header>
      <div className="columns">
        <main>
          {user && (
            <>
              <Account email={user.email ?? 'Anonymous'} state={state} />
              <Notes />
              <Devices key={state.sessionId} />
            </>
          )}
          {user === null && (
            <>
              {state.reason && <Ended {...endInWords(state.reason, state.cause)} />}
              <SignIn />
            </>
          )}
        </main>
        <Timeline />
      </div>
    </>
  );
}

function Ended({title, hint}: {title: string; hint: string}) {
  return (
    <section className="card notice" role="status" aria-label="Why you were signed out">
      <h2>{title}</h2>
      {hint && <p>{hint}</p>}
    </section>
  );
}
