import {useEffect, useRef, useState, useSyncExternalStore} from 'react';
import {askWith, supabase} from './supabase.js';
import {record, timeline} from './timeline.js';

/** The newest token that this page has seen. An app forgets it; here it shows that the server refuses it. */
function useLastToken(): string | undefined {
  const [token, setToken] = useState<string>();
  useEffect(() => {
    const {data} = supabase.auth.onAuthStateChange((_event, stored) => stored && setToken(stored.access_token));
    return () => data.subscription.unsubscribe();
  }, []);
  return token;
}

export function Timeline() {
  const steps = useSyncExternalStore(timeline.subscribe, timeline.getSnapshot);
  const token = useLastToken();
  const end = useRef<HTMLLIElement>(null);
  useEffect(() => {
    end.current?.scrollIntoView({block: 'nearest'});
  }, [steps]);

  const tryToken = async (): Promise<void> => {
    const {status, code, message} = await askWith(token!);
    if (status === 200) record('good', 'Request allowed', `the last token of this page: ${status}`);
    else record('bad', 'Request denied', `the last token of this page: ${status} ${code} ${message}`);
  };

  return (
    <aside className="card" aria-labelledby="timeline">
      <h2 id="timeline">What happened</h2>
      {steps.length === 0 && <p>Sign in to see each step here.</p>}
      <ol className="timeline" role="log" aria-label="Timeline">
        {steps.map(({id, at, kind, title, detail}) => (
          <li key={id} className={kind} ref={id === steps.length - 1 ? end : null}>
            <strong>{title}</strong> <time>{at.toLocaleTimeString()}</time>
            <small>{detail}</small>
          </li>
        ))}
      </ol>
      {token && (
        <div className="actions">
          <button onClick={() => void tryToken()}>Try the last token</button>
        </div>
      )}
    </aside>
  );
}
