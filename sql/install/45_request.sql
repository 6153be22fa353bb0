-- What an app may call in its policies and functions. Each answers about its caller only.

create or replace function supasession.sid() returns uuid
language sql stable set search_path = pg_catalog, pg_temp as $$
  select coalesce(
    -- The first form is what PostgREST sent before version 9.
    nullif(current_setting('request.jwt.claim.session_id', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'session_id'
  )::uuid;
$$;
comment on function supasession.sid is
'The session of the request (auth.sessions.id); null without one (anon, service_role, plain SQL). Raises 22P02
for malformed claims.';

create or replace function supasession._claims(out session_id uuid, out user_id uuid, out malformed boolean)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  session text := nullif(current_setting('request.jwt.claim.session_id', true), '');
  subject text := nullif(current_setting('request.jwt.claim.sub', true), '');
  claims jsonb;
  uuid_form constant text := '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$';
begin
  malformed := false;
  begin
    claims := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
  exception
    -- program_limit_exceeded: nested too deep.
    when data_exception or program_limit_exceeded then
      malformed := true;
  end;
  session := coalesce(session, nullif(claims ->> 'session_id', ''));
  subject := coalesce(subject, claims ->> 'sub');
  if session ~ uuid_form then session_id := session::uuid; end if;
  if subject ~ uuid_form then user_id := subject::uuid; end if;
  malformed := malformed or session_id is null and session is not null
    or coalesce(jsonb_typeof(claims) <> 'object', false);
end
$$;
comment on function supasession._claims is
'The claims of the request; null: missing. malformed: they cannot be read, or session_id is no UUID. A token
without session_id is not of Auth (third-party auth, service_role, anon).';

create or replace function supasession.is_live() returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  claims record := supasession._claims();
begin
  return not claims.malformed and (claims.session_id is null or exists (
    select from auth.sessions s
    where s.id = claims.session_id
      and (s.not_after is null or s.not_after > now())
      and not exists (select from supasession.pending_ends e where e.session_id = s.id)
  ));
end
$$;
comment on function supasession.is_live is
'Whether the session of the request is live. True for a token without a session, false for a malformed one.';

create or replace function supasession.has_access() returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  claims record := supasession._claims();
  owner uuid := claims.user_id;
begin
  if claims.malformed then return false; end if;
  if claims.session_id is not null then
    -- The owner is read from the session, not from the token.
    select s.user_id into owner from auth.sessions s
    where s.id = claims.session_id
      and (s.not_after is null or s.not_after > now())
      and not exists (select from supasession.pending_ends e where e.session_id = s.id);
    if not found then return false; end if;
  end if;
  return not exists (select from supasession.revoked r where r.user_id in (owner, claims.user_id))
    and not exists (
      select from auth.users u
      where u.id in (owner, claims.user_id) and (u.banned_until > now() or u.deleted_at is not null)
    );
end
$$;
comment on function supasession.has_access is
'Whether the session of the request is live and its user is not revoked, banned or deleted. For a token
without a session only the user counts; a malformed one has no access.';

create or replace function supasession.session_age() returns interval
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  claims record := supasession._claims();
begin
  return (
    select now() - s.created_at from auth.sessions s
    where s.id = claims.session_id
      and (s.not_after is null or s.not_after > now())
      and not exists (select from supasession.pending_ends e where e.session_id = s.id)
  );
end
$$;
comment on function supasession.session_age is
'Time since the sign-in of the session of the request; null if it has no live session';
