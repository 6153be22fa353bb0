-- What an app may call in its policies and functions.

-- sid() -> uuid
-- The session of the request, from the claims of its access token; null for a request without one (anon, service_role, plain SQL).
create or replace function supasession.sid()
returns uuid
language sql
stable
set search_path = ''
as $$
    select coalesce(
        -- The first form is what PostgREST sent before version 9.
        nullif(pg_catalog.current_setting('request.jwt.claim.session_id', true), ''),
        nullif(pg_catalog.current_setting('request.jwt.claims', true), '')::jsonb ->> 'session_id'
    )::uuid;
$$;
comment on function supasession.sid() is 'The session (auth.sessions.id) of the current request, or null';
