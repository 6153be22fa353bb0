import {useState} from 'react';
import type {SessionState} from 'supasession-js';
import {session, supabase} from './supabase.js';
import {canExtend, limitInWords} from './words.js';

/** Who is signed in, until when, and the ways to sign out. */
export function Account({email, state}: {email: string; state: SessionState}) {
  return (
    <section className="card" aria-labelledby="account">
      <h2 id="account">{email}</h2>
      {state.secondsLeft === null ? <EndsAt {...state} /> : <Warning {...state} secondsLeft={state.secondsLeft} />}
      <div className="actions">
        <button onClick={() => void session.end()}>Sign out</button>
        <button onClick={() => void supabase.auth.signOut({scope: 'global'})}>Sign out everywhere</button>
      </div>
    </section>
  );
}

function EndsAt({endsAt, limit}: Pick<SessionState, 'endsAt' | 'limit'>) {
  if (!endsAt) return <p>Signed in, without a deadline.</p>;
  return (
    <p>
      Signed in until <time dateTime={endsAt.toISOString()}>{endsAt.toLocaleTimeString()}</time>
      {canExtend(limit) ? ', or longer while you use the app.' : `: ${limitInWords(limit)}.`}
    </p>
  );
}

/** Read out once, when it appears; the seconds are for the eye. */
function Warning({secondsLeft, limit}: {secondsLeft: number; limit: SessionState['limit']}) {
  const [problem, setProblem] = useState('');
  const stay = async (): Promise<void> => {
    const {error} = await session.extend();
    setProblem(error?.message ?? '');
  };
  return (
    <div className="warning" role="alertdialog" aria-labelledby="warning" aria-describedby="warning-why">
      <div>
        <strong id="warning" role="alert">
          You will be signed out soon
        </strong>
        <p id="warning-why">
          {canExtend(limit) ? 'You have not used the app for a while.' : `Save your work: ${limitInWords(limit)}.`}
        </p>
        {problem && <p role="alert">{problem}</p>}
      </div>
      <span className="seconds" role="timer" aria-label="Seconds left">
        {secondsLeft}
      </span>
      {canExtend(limit) && (
        <button className="primary" onClick={() => void stay()}>
          Stay signed in
        </button>
      )}
    </div>
  );
}
