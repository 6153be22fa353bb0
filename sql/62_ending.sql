-- Ending sessions on purpose, and whether a user may use the app at all.

-- _condemn(session_ids, reason) -> ids of those that end
-- Deletes some sessions of a user, and condemns those that are locked: each ends at its own refresh, which waits for the user's row. To be called
-- with that row locked. Skipping alone would leave a refresh in flight alive, and waiting for a session while holding the user deadlocks.
create or replace function supasession._condemn(session_ids uuid[], reason text)
returns uuid[]
language plpgsql
set search_path = ''
as $$
declare
    ended uuid[] := supasession._end_sessions(session_ids);
    held uuid[];
begin
    with noted as (
        insert into supasession.condemned (session_id, reason)
        select s.id, _condemn.reason from auth.sessions s where s.id = any (session_ids) and s.id <> all (ended)
        on conflict do nothing
        returning session_id
    )
    select coalesce(pg_catalog.array_agg(n.session_id), '{}') into held from noted n;
    return ended || held;
end
$$;
comment on function supasession._condemn(uuid[], text) is 'Ends sessions, those that are locked at their next refresh';

-- _end_user_sessions(user_id, session_ids, kind, reason) -> how many sessions end
-- Ends some sessions of a user, and writes it into the history. To be called with the user's row locked, and in a statement of its own: which
-- sessions there are is known only then.
create or replace function supasession._end_user_sessions(user_id uuid, session_ids uuid[], kind text, reason text)
returns integer
language plpgsql
set search_path = ''
as $$
declare
    settings supasession.config;
    ended uuid[] := supasession._condemn(session_ids, reason);
    session_id uuid;
    -- A session that was ended by a signed-in user was ended by that user's session.
    caused_by constant text := coalesce((select c.session_id::text from supasession._claims() c), supasession._role());
begin
    settings := supasession._history_settings();
    foreach session_id in array ended loop
        perform supasession._record(settings, kind, user_id, session_id, reason, caused_by);
    end loop;
    return pg_catalog.cardinality(ended);
end
$$;
comment on function supasession._end_user_sessions(uuid, uuid[], text, text) is 'Ends sessions of a user, and writes it into the history';

-- _sessions_of(user_id) -> ids of all sessions of a user
create or replace function supasession._sessions_of(user_id uuid)
returns uuid[]
language sql
stable
set search_path = ''
as $$
    select array(select s.id from auth.sessions s where s.user_id = _sessions_of.user_id);
$$;
comment on function supasession._sessions_of(uuid) is 'The ids of all sessions of a user';

-- revoke_session(session_id) -> whether there was such a session
-- Ends one session. One that is just being refreshed ends with that refresh.
create or replace function supasession.revoke_session(session_id uuid)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
    owner uuid := (select s.user_id from auth.sessions s where s.id = revoke_session.session_id);
begin
    if owner is null then
        return false;
    end if;
    perform from auth.users u where u.id = owner for no key update;
    return supasession._end_user_sessions(owner, array[revoke_session.session_id], 'revoked', null) > 0;
end
$$;
comment on function supasession.revoke_session(uuid) is 'Ends one session';

-- revoke_user_sessions(user_id, except) -> how many sessions end
-- Ends all sessions of a user but those named.
create or replace function supasession.revoke_user_sessions(user_id uuid, "except" uuid[] default '{}')
returns integer
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform from auth.users u where u.id = revoke_user_sessions.user_id for no key update;
    return supasession._end_user_sessions(
        revoke_user_sessions.user_id,
        array(
            select i.id from pg_catalog.unnest(supasession._sessions_of(revoke_user_sessions.user_id)) i (id)
            -- A null among them, such as sid() outside of a request, names no session.
            where i.id <> all (coalesce(pg_catalog.array_remove("except", null), '{}'))
        ),
        'revoked', null
    );
end
$$;
comment on function supasession.revoke_user_sessions(uuid, uuid[]) is 'Ends all sessions of a user but those named';

-- revoke_access(user_id, reason) -> how many sessions end
-- Ends all sessions of a user and bars new ones (with the setting block_revoked). The row in supasession.revoked is what counts; the flag in
-- app_metadata is a copy for the app to show, which Auth may lose: it rewrites that column from a copy read without a lock.
-- Raises P0002 (no_data_found) for a user that is not there.
create or replace function supasession.revoke_access(user_id uuid, reason text default null)
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
    settings supasession.config;
    ended integer;
begin
    perform from auth.users u where u.id = revoke_access.user_id for no key update;
    if not found then
        raise exception 'there is no user %', user_id using errcode = 'no_data_found';
    end if;
    insert into supasession.revoked (user_id, reason) values (revoke_access.user_id, revoke_access.reason)
    on conflict on constraint revoked_pkey do update set reason = excluded.reason;
    update auth.users u
    set raw_app_meta_data = coalesce(u.raw_app_meta_data, '{}')
        || pg_catalog.jsonb_build_object('access_revoked', true, 'revoked_at', pg_catalog.now())
    where u.id = revoke_access.user_id;
    ended := supasession._end_user_sessions(
        revoke_access.user_id, supasession._sessions_of(revoke_access.user_id), 'revoked', reason
    );
    settings := supasession._history_settings();
    perform supasession._record(settings, 'access_revoked', revoke_access.user_id, null, reason, supasession._role());
    return ended;
end
$$;
comment on function supasession.revoke_access(uuid, text) is 'Bars a user from the app and ends all sessions';

-- restore_access(user_id) -> whether the user had been barred
create or replace function supasession.restore_access(user_id uuid)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
    settings supasession.config;
begin
    perform from auth.users u where u.id = restore_access.user_id for no key update;
    delete from supasession.revoked r where r.user_id = restore_access.user_id;
    if not found then
        return false;
    end if;
    update auth.users u
    set raw_app_meta_data = u.raw_app_meta_data - 'access_revoked' - 'revoked_at'
    where u.id = restore_access.user_id;
    settings := supasession._history_settings();
    perform supasession._record(settings, 'access_restored', restore_access.user_id, null, null, supasession._role());
    return true;
end
$$;
comment on function supasession.restore_access(uuid) is 'Lets a barred user use the app again';

-- _self() -> row (user_id, session_id): who may look after sessions of their own in this request, nulls for nobody
-- Nobody whose session has ended or whose access is revoked; and no pending session: with a stolen password alone one could see the owner's devices
-- and sign the owner out.
create or replace function supasession._self(out user_id uuid, out session_id uuid)
language sql
stable
set search_path = ''
as $$
    select s.user_id, s.id
    from supasession._claims() c
    join auth.sessions s on s.id = c.session_id and s.user_id = c.user_id
    where supasession.has_access()
        and not (coalesce(s.aal::text, 'aal1') = 'aal1' and supasession._has_factor(s.user_id));
$$;
comment on function supasession._self() is 'The signed-in user and session, where they may look after their sessions';

-- my_sessions() -> the sessions of the signed-in user; nothing for one whose own session has ended or misses its second factor
create or replace function supasession.my_sessions()
returns table (
    id uuid,
    created_at timestamptz,
    refreshed_at timestamptz,
    user_agent text,
    ip inet,
    aal text,
    not_after timestamptz,
    current boolean
)
language sql
stable
security definer
set search_path = ''
as $$
    select
        s.id, s.created_at, s.refreshed_at at time zone 'UTC', s.user_agent, s.ip, s.aal::text, s.not_after,
        s.id = c.session_id
    from supasession._self() c
    join auth.sessions s on s.user_id = c.user_id
    where s.not_after is null or s.not_after > pg_catalog.now()
    order by s.created_at desc;
$$;
comment on function supasession.my_sessions() is 'The sessions of the signed-in user';

-- revoke_my_session(session_id) -> whether it was a session of the signed-in user
create or replace function supasession.revoke_my_session(session_id uuid)
returns boolean
language sql
volatile
security definer
set search_path = ''
as $$
    select coalesce(
        (select supasession.revoke_session(m.id) from supasession.my_sessions() m where m.id = revoke_my_session.session_id),
        false
    );
$$;
comment on function supasession.revoke_my_session(uuid) is 'Ends a session of the signed-in user';

-- revoke_my_other_sessions() -> how many sessions end
create or replace function supasession.revoke_my_other_sessions()
returns integer
language sql
volatile
security definer
set search_path = ''
as $$
    select coalesce(
        (
            select supasession.revoke_user_sessions(c.user_id, array[c.session_id])
            from supasession._self() c
            where c.session_id is not null
        ),
        0
    );
$$;
comment on function supasession.revoke_my_other_sessions() is 'Ends all sessions of the signed-in user but the current one';

-- _on_account_change() -> trigger: after update of encrypted_password, banned_until, deleted_at on auth.users
-- Ends the sessions of an account that was changed, as far as the settings say and Auth does not do it itself. The row is locked by the update.
create or replace function supasession._on_account_change()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    settings supasession.config;
    reason text;
begin
    begin
        select * into settings from supasession.config;
    exception
        when others then
            perform supasession._tolerate(sqlstate, sqlerrm, settings.on_error);
    end;
    -- For its own changes of a password Auth ends sessions, and it rewrites the hash when its key is rotated.
    if settings.end_on_password_change
        and old.encrypted_password is distinct from new.encrypted_password
        and session_user <> 'supabase_auth_admin' then
        reason := 'password changed';
    elsif settings.end_on_ban and new.banned_until > pg_catalog.now() and old.banned_until is distinct from new.banned_until then
        reason := 'banned';
    elsif settings.end_on_delete and old.deleted_at is null and new.deleted_at is not null then
        reason := 'deleted';
    end if;
    if reason is not null then
        perform supasession._end_user_sessions(new.id, supasession._sessions_of(new.id), 'user_changed', reason);
    end if;
    return null;
end
$$;
comment on function supasession._on_account_change() is 'Ends the sessions of an account that was changed';
