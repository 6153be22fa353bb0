-- The limit at sign-in.

-- _limiter() -> trigger: before insert on auth.sessions
-- Makes room for the new session or refuses it, as the settings say.
-- Raises PT403 'Session limit of N exceeded for user UUID' under reject. Auth turns it into an answer of its own: 403 for API versions
-- before 2024-01-01 (which read the status from such an SQLSTATE), 500 for later ones.
--
-- Lock protocol: sign-ins of one user take turns on the row in auth.users. That row, and not an advisory lock, because a sign-in by
-- magic link holds it already when it comes here, and one by password takes it right after. It is taken outside any exception
-- block, and the sessions are read in a statement of their own after it, which sees what those before us committed.
-- Victims are locked with SKIP LOCKED, never waited for: a refresh holds its session while it waits for the user. One that is
-- skipped for that reason finds out by itself, in _on_refresh().
create or replace function supasession._limiter()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    settings record;
    sessions_over uuid[];
begin
    select c.enabled, c.max_sessions, c.strategy, c.eviction_order into settings from supasession.config c;
    if not found or not settings.enabled then
        return new;
    end if;

    -- A session that is over before it begins takes no place.
    if new.not_after <= pg_catalog.clock_timestamp() then
        return new;
    end if;

    perform from auth.users u where u.id = new.user_id for no key update;

    -- The new session is not in the table yet: the others may keep one place less than the limit. All that are above go,
    -- however many they are.
    sessions_over := array(
        select l.session_id
        from supasession._live_sessions(new.user_id, settings.eviction_order, pg_catalog.clock_timestamp()) l
        where l.place >= settings.max_sessions
    );

    if sessions_over <> '{}' then
        if settings.strategy = 'reject' then
            raise exception 'Session limit of % exceeded for user %', settings.max_sessions, new.user_id
                using errcode = 'PT403';
        end if;

        delete from auth.sessions s
        where s.id in (select v.id from auth.sessions v where v.id = any (sessions_over) for update skip locked);
    end if;

    return new;
end
$$;
comment on function supasession._limiter() is 'Enforces the limit when a session is created';
