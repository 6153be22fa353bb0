-- What an app may call in its policies and functions. None of these says anything about anybody but the caller.

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

-- _claims(out session_id, user_id, issued_at, bound) -> row
-- What the claims of the request say, null for what is missing or malformed: a check must not fail because of a strange token.
-- bound: whether the request may not go without a session. So it is for authenticated, by the token or by the role of the database (a pre-request
-- function may change that one, and the token's role is read from where the project says), and for claims that are malformed.
create or replace function supasession._claims(out session_id uuid, out user_id uuid, out issued_at timestamptz, out bound boolean)
language plpgsql
stable
set search_path = ''
as $$
declare
    -- The first form is what PostgREST sent before version 9.
    session text := nullif(pg_catalog.current_setting('request.jwt.claim.session_id', true), '');
    subject text := nullif(pg_catalog.current_setting('request.jwt.claim.sub', true), '');
    claims jsonb;
    uuid_form constant text := '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$';
begin
    bound := 'authenticated' in (
        pg_catalog.current_setting('role', true),
        nullif(pg_catalog.current_setting('request.jwt.claim.role', true), '')
    );
    begin
        claims := nullif(pg_catalog.current_setting('request.jwt.claims', true), '')::jsonb;
    exception
        -- program_limit_exceeded: nested too deep.
        when data_exception or program_limit_exceeded then
            bound := true;
    end;
    if pg_catalog.jsonb_typeof(claims) = 'object' then
        session := coalesce(session, nullif(claims ->> 'session_id', ''));
        subject := coalesce(subject, claims ->> 'sub');
        bound := coalesce(bound, false) or coalesce(claims ->> 'role' = 'authenticated', false);
        -- Up to the year 9999: what is later is out of the range of a timestamp, or an infinity that cannot be reckoned with.
        if pg_catalog.jsonb_typeof(claims -> 'iat') = 'number' and (claims ->> 'iat')::numeric between 0 and 253402300799 then
            issued_at := pg_catalog.to_timestamp((claims ->> 'iat')::double precision);
        end if;
    elsif claims is not null then
        bound := true;
    end if;
    if session ~ uuid_form then
        session_id := session::uuid;
    end if;
    if subject ~ uuid_form then
        user_id := subject::uuid;
    end if;
    bound := coalesce(bound, false) or (session is not null and session_id is null);
end
$$;
comment on function supasession._claims() is 'What the claims of the current request say';

-- is_live() -> boolean
-- Whether the session of the request goes on. True for tokens without a session, of anon and service_role; false for authenticated without one.
-- These are not in language sql, whose functions are planned anew in every request; PL/pgSQL keeps the plan for the connection.
create or replace function supasession.is_live()
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    claims record := supasession._claims();
begin
    if claims.session_id is null then
        return not claims.bound;
    end if;
    return exists (
        select from auth.sessions s
        where s.id = claims.session_id and (s.not_after is null or s.not_after > pg_catalog.now())
    );
end
$$;
comment on function supasession.is_live() is 'Whether the session of the current request goes on';

-- has_access() -> boolean
-- Whether the session of the request goes on and its user has not been revoked.
create or replace function supasession.has_access()
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    claims record := supasession._claims();
begin
    if claims.session_id is null then
        return not claims.bound and not exists (select from supasession.revoked r where r.user_id = claims.user_id);
    end if;
    return exists (
        select from auth.sessions s
        where s.id = claims.session_id and (s.not_after is null or s.not_after > pg_catalog.now())
            -- Whose session it is, is not left to what the token says.
            and not exists (select from supasession.revoked r where r.user_id in (s.user_id, claims.user_id))
    );
end
$$;
comment on function supasession.has_access() is 'Whether the session of the current request goes on and its user may use the app';

-- session_age() -> interval since the sign-in of the session of the request; null where there is none that goes on
create or replace function supasession.session_age()
returns interval
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    claims record := supasession._claims();
begin
    return (
        select pg_catalog.now() - s.created_at
        from auth.sessions s
        where s.id = claims.session_id and (s.not_after is null or s.not_after > pg_catalog.now())
    );
end
$$;
comment on function supasession.session_age() is 'Time since the sign-in of the current session, or null';

-- token_age() -> interval since the access token of the request was issued, or null
create or replace function supasession.token_age()
returns interval
language sql
stable
set search_path = ''
as $$
    select pg_catalog.now() - c.issued_at from supasession._claims() c;
$$;
comment on function supasession.token_age() is 'Time since the access token of the current request was issued, or null';
