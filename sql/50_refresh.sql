-- What a refresh does: it moves the deadline, and finds out whether the session has to end.

-- _device(user_agent) -> browser family and system, coarsely; null for what is not known
-- Coarse on purpose: an update of a browser or of a system is no other device.
create or replace function supasession._device(user_agent text)
returns text
language sql
immutable
set search_path = ''
as $$
    select
        case
            when user_agent is null or user_agent = '' then null
            else
                case
                    when user_agent ~* 'edg(e|a|ios)?/' then 'Edge'
                    when user_agent ~* '(opr|opera)/' then 'Opera'
                    when user_agent ~* '(firefox|fxios)/' then 'Firefox'
                    when user_agent ~* '(chrome|crios|chromium)/' then 'Chrome'
                    when user_agent ~* 'safari/' then 'Safari'
                    else pg_catalog.split_part(user_agent, '/', 1)
                end
                || ' on '
                || case
                    when user_agent ~* 'iphone|ipad|\mios\M' then 'iOS'
                    when user_agent ~* 'android' then 'Android'
                    when user_agent ~* 'windows' then 'Windows'
                    when user_agent ~* 'mac os|macintosh|darwin' then 'macOS'
                    when user_agent ~* '\mcros\M' then 'ChromeOS'
                    when user_agent ~* 'linux' then 'Linux'
                    else 'another system'
                end
        end;
$$;
comment on function supasession._device(text) is 'Browser family and system of a user agent, coarsely';

-- _on_refresh() -> trigger: before update of refreshed_at on auth.sessions
-- Moves the deadline of the session that is being refreshed, and ends it when it is condemned, revoked, past a deadline or over the limit: Auth refuses
-- its next refresh, and the client signs out cleanly. This refresh itself succeeds. Where the user's row cannot be had in time only the
-- deadline is moved, and the rest waits for the next refresh.
create or replace function supasession._on_refresh()
returns trigger
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = 'force_generic_plan' -- as in _limiter()
as $$
declare
    settings supasession.config;
    policy record;
    app_metadata jsonb;
    unreadable boolean := false;
    locked boolean;
    doomed boolean := false;
    mfa boolean;
    pool text;
    ceiling timestamptz;
    ends text;
    moment timestamptz := pg_catalog.clock_timestamp();
begin
    -- What has ended stays ended.
    if old.not_after <= moment then
        return new;
    end if;

    begin
        select * into settings from supasession.config;
    exception
        when others then
            perform supasession._tolerate(sqlstate, sqlerrm, settings.on_error);
            unreadable := true;
    end;
    if settings.enabled is not true and settings.block_revoked is false and old.not_after is null then
        begin
            doomed := exists (select from supasession.condemned c where c.session_id = new.id);
        exception
            when others then
                perform supasession._tolerate(sqlstate, sqlerrm, settings.on_error);
        end;
        if not doomed then
            return new;
        end if;
    end if;

    locked := supasession._lock_user(new.user_id, interval '500 milliseconds');
    moment := pg_catalog.clock_timestamp();
    -- With the row locked: whoever condemned this session or barred its user held it. Each by itself, so that one works without the other.
    begin
        delete from supasession.condemned c where c.session_id = new.id;
        doomed := found;
    exception
        when others then
            perform supasession._tolerate(sqlstate, sqlerrm, settings.on_error);
    end;
    if settings.block_revoked is not false and not doomed then
        begin
            doomed := exists (select from supasession.revoked r where r.user_id = new.user_id);
        exception
            when others then
                perform supasession._tolerate(sqlstate, sqlerrm, settings.on_error);
        end;
    end if;
    if doomed then
        new.not_after := moment;
        return new;
    end if;
    -- Not the same as limits off, which would take our deadlines back.
    if unreadable then
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
        -- Deadlines that we gave are taken back: with limits off nobody would move them on.
        new.not_after := nullif(ceiling, 'infinity');
    end if;
    if settings.enabled is not true then
        return new;
    end if;

    if settings.on_device_change = 'record' and supasession._device(old.user_agent) <> supasession._device(new.user_agent) then
        perform supasession._record(
            settings, 'device_changed', new.user_id, new.id,
            supasession._device(old.user_agent) || ' -> ' || supasession._device(new.user_agent)
        );
    end if;

    select u.raw_app_meta_data into app_metadata from auth.users u where u.id = new.user_id;
    policy := supasession._user_policy(settings, new.user_id, app_metadata, new.oauth_client_id);
    mfa := supasession._has_factor(new.user_id);
    pool := supasession._pool(settings, new.oauth_client_id, new.aal::text, mfa);

    -- A deadline that was tightened since this session got its own.
    if supasession._last_used(old.refreshed_at, old.created_at) + policy.inactivity_timeout <= moment then
        ends := 'inactivity';
    elsif old.created_at + policy.timebox <= moment then
        ends := 'timebox';
    elsif pool like '% pending' and old.created_at + settings.low_aal_timeout <= moment then
        ends := 'second factor missing';
    end if;
    if ends is not null then
        if settings.mode = 'observe' then
            perform supasession._record(settings, 'would_expire', new.user_id, new.id, ends, policy.rule);
        else
            new.not_after := least(ceiling, moment);
            perform supasession._record(settings, 'expired', new.user_id, new.id, ends, policy.rule);
        end if;
        return new;
    end if;
    if settings.mode = 'enforce' then
        new.not_after := supasession._deadline(
            policy.timebox, policy.inactivity_timeout, case when pool like '% pending' then settings.low_aal_timeout end,
            new.created_at, ceiling, moment
        );
        if new.not_after is not null and ceiling is null then
            begin
                perform supasession._claim_deadline(new.id, supasession._last_used(new.refreshed_at, new.created_at));
            exception
                when others then
                    perform supasession._tolerate(sqlstate, sqlerrm, settings.on_error);
            end;
        end if;
    end if;

    if locked and settings.enforce_on_refresh and not policy.unlimited and pool is not null then
        perform
        from supasession._live_sessions(settings, array[new.user_id], array[policy.strategy], moment) l
        where l.session_id = new.id and l.place > policy.max_sessions;
        if found and settings.mode = 'observe' then
            perform supasession._record(
                settings, 'would_evict', new.user_id, new.id, pg_catalog.format('limit of %s', policy.max_sessions), policy.rule
            );
        elsif found then
            new.not_after := moment;
            perform supasession._record(
                settings, 'evicted', new.user_id, new.id, pg_catalog.format('limit of %s, at refresh', policy.max_sessions), policy.rule
            );
        end if;
    end if;
    return new;
end
$$;
comment on function supasession._on_refresh() is 'Moves the deadline of a session that is refreshed, and ends it when it is over the limit';
