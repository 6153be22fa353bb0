-- Second factors: when a pending session rises it comes into the pool of the others.

-- _on_factor() -> trigger: before insert on auth.mfa_amr_claims, for second factors
-- Locks the user's row before Auth locks the session: in a trigger on aal it would come after, and deadlock with a change of password.
-- Raises 55P03 in mode enforce when the row cannot be had in two seconds (nobody gets in because of a lock): the session stays pending, and the
-- next code works. A user that is being deleted, or two new factors of one user verified at once, is how that comes about.
create or replace function supasession._on_factor()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    settings supasession.config;
    user_id uuid;
begin
    begin
        select * into settings from supasession.config;
    exception
        when others then
            perform supasession._tolerate(sqlstate, sqlerrm, null);
    end;
    if settings.enabled is not true then
        return new;
    end if;
    select s.user_id into user_id from auth.sessions s where s.id = new.session_id;
    -- Without a user the session is gone, which Auth finds by itself.
    if user_id is not null
        and not supasession._lock_user(user_id, interval '2 seconds')
        and settings.mode = 'enforce'
        and exists (select from auth.users u where u.id = user_id) then
        raise exception using
            errcode = 'lock_not_available',
            message = pg_catalog.format('user %s is locked by another request', user_id);
    end if;
    return new;
end
$$;
comment on function supasession._on_factor() is 'Locks the user when a second factor has been verified';

-- _on_saml() -> trigger: before insert on auth.mfa_amr_claims, for sso/saml
-- Auth writes this claim right after the session. A session by SAML to which Auth gave no deadline gets the ceiling infinity, so that a deadline of
-- ours is not taken for one of Auth's later. A session by SAML without a ceiling is then older than us, or restored.
create or replace function supasession._on_saml()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    on_error text;
begin
    select c.on_error into on_error from supasession.config c;
    insert into supasession.ceilings (session_id, not_after) values (new.session_id, 'infinity') on conflict do nothing;
    return new;
exception
    when others then
        perform supasession._tolerate(sqlstate, sqlerrm, on_error);
        return new;
end
$$;
comment on function supasession._on_saml() is 'Keeps apart the deadlines that Auth gave from ours';

-- _ceiling(session_id, not_after, last_used) -> the deadline that a session has from somebody else, null for none
-- not_after: what the session has now. Where it is not ours, it is the ceiling and is kept as such from now on: that of a session by SAML that is older than
-- us (or restored), and any that a session got when we gave no deadlines. What we gave then all the same has been noted by _claim_deadline().
create or replace function supasession._ceiling(
    session_id uuid,
    not_after timestamptz,
    last_used timestamptz
)
returns timestamptz
language plpgsql
set search_path = ''
as $$
declare
    ceiling timestamptz;
begin
    select c.not_after into ceiling from supasession.ceilings c where c.session_id = _ceiling.session_id;
    if found or not_after is null then
        return ceiling;
    end if;
    if exists (
        select from auth.mfa_amr_claims a where a.session_id = _ceiling.session_id and a.authentication_method = 'sso/saml'
    ) or not exists (select from supasession.wiring w where w.deadlines_since <= last_used) then
        ceiling := not_after;
        insert into supasession.ceilings (session_id, not_after) values (_ceiling.session_id, ceiling) on conflict do nothing;
    end if;
    return ceiling;
end
$$;
comment on function supasession._ceiling(uuid, timestamptz, timestamptz) is 'The deadline that a session has from somebody else';

-- _claim_deadline(session_id, last_used) -> void
-- To be called where a session without a ceiling gets a deadline of ours: notes that it is ours, where _ceiling() could not tell it later. That is before
-- deadlines_since (a pending session; a clock of Auth's that is behind), and with a session by SAML that is older than us and had no deadline.
create or replace function supasession._claim_deadline(session_id uuid, last_used timestamptz)
returns void
language plpgsql
set search_path = ''
as $$
begin
    if exists (select from supasession.wiring w where w.deadlines_since <= last_used) and not exists (
        select from auth.mfa_amr_claims a
        where a.session_id = _claim_deadline.session_id and a.authentication_method = 'sso/saml'
    ) then
        return;
    end if;
    insert into supasession.ceilings (session_id, not_after) values (_claim_deadline.session_id, 'infinity')
    on conflict on constraint ceilings_pkey do nothing;
end
$$;
comment on function supasession._claim_deadline(uuid, timestamptz) is 'Notes that a deadline is ours where it could not be told later';

-- _on_aal_rise() -> trigger: before update of aal on auth.sessions, when it rises
-- The session leaves the pending ones: its deadline as such is taken off, and the limit is enforced as at a sign-in.
-- The user's row has been locked by _on_factor().
create or replace function supasession._on_aal_rise()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    settings supasession.config;
    app_metadata jsonb;
    policy record;
    mfa boolean;
    pool text;
    ceiling timestamptz;
begin
    begin
        select * into settings from supasession.config;
    exception
        when others then
            perform supasession._tolerate(sqlstate, sqlerrm, settings.on_error);
            return new;
    end;
    if (settings.enabled is not true and old.not_after is null) or old.not_after <= pg_catalog.clock_timestamp() then
        return new;
    end if;

    begin
        ceiling := supasession._ceiling(new.id, old.not_after, supasession._last_used(old.refreshed_at, old.created_at));
    exception
        when others then
            perform supasession._tolerate(sqlstate, sqlerrm, settings.on_error);
            -- It may be one that somebody else gave.
            ceiling := old.not_after;
    end;
    if settings.enabled is not true or settings.mode = 'observe' then
        -- As at a refresh, which would come too late for a session that was given minutes.
        new.not_after := nullif(ceiling, 'infinity');
    end if;
    if settings.enabled is not true then
        return new;
    end if;

    select u.raw_app_meta_data into app_metadata from auth.users u where u.id = new.user_id;
    policy := supasession._user_policy(settings, new.user_id, app_metadata, new.oauth_client_id);
    mfa := supasession._has_factor(new.user_id);
    pool := supasession._pool(settings, new.oauth_client_id, new.aal::text, mfa);

    if settings.mode = 'enforce' then
        new.not_after := supasession._deadline(
            policy.timebox, policy.inactivity_timeout, null, new.created_at, ceiling, pg_catalog.clock_timestamp()
        );
        if new.not_after is not null and ceiling is null then
            begin
                perform supasession._claim_deadline(new.id, supasession._last_used(old.refreshed_at, old.created_at));
            exception
                when others then
                    perform supasession._tolerate(sqlstate, sqlerrm, settings.on_error);
            end;
        end if;
    end if;

    if not policy.unlimited
        and pool is not null
        and pool <> supasession._pool(settings, old.oauth_client_id, old.aal::text, mfa) then
        perform supasession._admit(
            settings, policy.rule, policy.max_sessions, policy.strategy, new.user_id, new.id, pool, false
        );
    end if;
    return new;
end
$$;
comment on function supasession._on_aal_rise() is 'Enforces the limit when a session has passed a second factor';
