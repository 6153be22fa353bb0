import {useState, type SyntheticEvent} from 'react';
import {remember, supabase} from './supabase.js';
import {record} from './timeline.js';
import {refusalInWords} from './words.js';

export function SignIn() {
  const [mode, setMode] = useState<'signIn' | 'signUp'>('signIn');
  const [refusal, setRefusal] = useState<{title: string; hint: string} | null>(null);
  const [busy, setBusy] = useState(false);
  const title = mode === 'signIn' ? 'Sign in' : 'Sign up';

  async function submit(event: SyntheticEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string): string => form.get(name) as string;
    const credentials = {email: text('email'), password: text('password')};
    remember.set(form.has('remember'));
    setBusy(true);
    setRefusal(null);
    const {error} =
      mode === 'signIn' ? await supabase.auth.signInWithPassword(credentials) : await supabase.auth.signUp(credentials);
    setBusy(false);
    if (!error) return;
    setRefusal(refusalInWords(error));
    record('bad', `${title} refused`, `${error.status ?? ''} ${error.message}`.trim());
  }

  return (
    <section className="card" aria-labelledby="sign-in">
      <h2 id="sign-in">{title}</h2>
      <form onSubmit={(event) => void submit(event)}>
        <label>
          Email
          <input name="email" type="email" autoComplete="username" required />
        </label>
        <label>
          Password
          <input
            name="password"
            type="password"
            autoComplete={mode === 'signIn' ? 'current-password' : 'new-password'}
            minLength={6}
            required
          />
        </label>
        <label className="check">
          <input name="remember" type="checkbox" defaultChecked={remember.get()} />
          Stay signed in after the browser is closed
        </label>
        {refusal && (
          <div className="refusal" role="alert">
            <strong>{refusal.title}</strong> {refusal.hint}
          </div>
        )}
        <div className="actions">
          <button className="primary" disabled={busy}>
            {title}
          </button>
          <button type="button" className="link" onClick={() => setMode(mode === 'signIn' ? 'signUp' : 'signIn')}>
            {mode === 'signIn' ? 'Make an account' : 'I have an account'}
          </button>
        </div>
      </form>
    </section>
  );
}
