-- Ending sessions on purpose, and access: whether a user may use the app at all. Each function locks the
-- user's row first, holding nothing else, and ends all sessions in one call. With limits on, no sign-in of
-- that user can be under way then; with limits off one can, and its session ends at its first refresh.

create or replace function supasession._revoke(owner uuid, ids uuid[], reason text) returns integer
language sql set search_path = pg_catalog, pg_temp as $$
  select supasession._end_sessions(
    -- If a signed-in user ends it, the cause is that user's own session.
    owner, ids, 'revoked', reason, coalesce(c.session_id::text, supasession._role()), true,
    not exists (select from supasession.config o where not o.record_events),
    (select s.user_agent from auth.sessions s where s.id = c.session_id and s.user_id = owner)
  ) from supasession._claims() c;
$$;
comment on function supasession._revoke is
'Ends sessions of a user on behalf of the caller, and returns how many';

create or replace function supasession.revoke_session(session_id uuid) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  owner uuid := (select s.user_id from auth.sessions s where s.id = revoke_session.session_id);
begin
  if owner is null then return false; end if;
  perform from auth.users u where u.id = owner for no key update;
  return supasession._revoke(owner, array[revoke_session.session_id], null) > 0;
end
$$;
comment on function supasession.revoke_session is
'Ends one session, and returns whether it was there. One that is being refreshed right now ends at its next
refresh at the latest.';

create or replace function supasession.revoke_user_sessions(user_id uuid, "except" uuid[] default '{}')
returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  owner alias for user_id;
begin
  perform from auth.users u where u.id = owner for no key update;
  return supasession._revoke(
    owner,
    array(
      select s.id from auth.sessions s
      where s.user_id = owner
        -- A null, such as sid() outside a request, names no session.
        and s.id <> all (coalesce(array_remove("except", null), '{}'))
    ),
    null
  );
end
$$;
comment on function supasession.revoke_user_sessions is
'Ends all sessions of a user except those named, and returns how many';

create or replace function supasession.revoke_access(user_id uuid, reason text default null) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  owner alias for user_id;
  ended integer;
begin
  perform from auth.users u where u.id = owner for no key update;
  if not found then raise exception 'there is no user %', user_id using errcode = 'no_data_found'; end if;
  insert into supasession.revoked (user_id, reason) values (owner, reason)
  on conflict on constraint revoked_pkey do update set reason = excluded.reason;
  -- Only an object can take the flag; Auth cannot read app_metadata that is anything else.
  update auth.users u
  set raw_app_meta_data = coalesce(nullif(u.raw_app_meta_data, 'null'), '{}')
    || jsonb_build_object('access_revoked', true, 'revoked_at', now())
  where u.id = owner and coalesce(jsonb_typeof(u.raw_app_meta_data), 'null') in ('object', 'null');
  ended := supasession._revoke(
    owner, array(select s.id from auth.sessions s where s.user_id = owner), reason
  );
  perform supasession._record('access_revoked', owner, null, reason, supasession._role());
  return ended;
end
$$;
comment on function supasession.revoke_access is
'Ends all sessions of a user, refuses new ones, and returns how many ended. The flag in app_metadata is a copy
for the app; Auth may lose it. Raises P0002 if there is no such user.';

create or replace function supasession.restore_access(user_id uuid) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform from auth.users u where u.id = restore_access.user_id for no key update;
  delete from supasession.revoked r where r.user_id = restore_access.user_id;
  if not found then return false; end if;
  update auth.users u
  set raw_app_meta_data = u.raw_app_meta_data - 'access_revoked' - 'revoked_at'
  where u.id = restore_access.user_id and jsonb_typeof(u.raw_app_meta_data) = 'object';
  perform supasession._record('access_restored', user_id, null, null, supasession._role());
  return true;
end
$$;
comment on function supasession.restore_access is
'Lets a user whose access was revoked use the app again; false if it was not revoked';
