import {useDevices} from 'supasession-js/react';
import {session} from './supabase.js';

const DATE = new Intl.DateTimeFormat(undefined, {month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit'});

/** The sessions of the user, and a way to end each. */
export function Devices() {
  const {devices, error, revoke, revokeOthers} = useDevices(session);
  return (
    <section className="card" aria-labelledby="devices">
      <h2 id="devices">Your devices</h2>
      {error && <p role="alert">{error.message}</p>}
      <ul className="devices">
        {devices.map(({id, current, label, ip, createdAt, lastSeenAt}) => (
          <li key={id}>
            <div>
              <strong>{label}</strong> {current && <span className="badge">this device</span>}
              <small>
                {ip ?? 'unknown address'} · signed in {DATE.format(createdAt)} · last seen {DATE.format(lastSeenAt)}
              </small>
            </div>
            {!current && (
              <button aria-label={`Sign out ${label}`} onClick={() => void revoke(id)}>
                Sign out
              </button>
            )}
          </li>
        ))}
      </ul>
      {devices.length > 1 && (
        <div className="actions">
          <button onClick={() => void revokeOthers()}>Sign out all others</button>
        </div>
      )}
    </section>
  );
}
