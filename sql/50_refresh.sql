-- The limit at refresh: what a sign-in had to skip, and what a lowered limit left over.

-- _lock_user(user_id) -> whether the row of the user is locked now
-- Tries for half a second at most, and never stands in the queue for the lock: a refresh holds its session, a password change holds the user and
-- waits for that session, and a sign-in queues for the user. One that queued there as well would close the circle, and a short lock_timeout is no way
-- out: whoever has waited for deadlock_timeout (1 s) while it is in its own wait is killed (measured with refresh token algorithm 2).
create or replace function supasession._lock_user(user_id uuid)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
    give_up constant timestamptz := pg_catalog.clock_timestamp() + interval '500 milliseconds';
begin
    loop
        perform from auth.users u where u.id = _lock_user.user_id for no key update skip locked;
        if found then
            return true;
        end if;
        if pg_catalog.clock_timestamp() > give_up then
            return false;
        end if;
        -- Seconds: a sign-in holds the row for a few milliseconds.
        perform pg_catalog.pg_sleep(0.005);
    end loop;
end
$$;
comment on function supasession._lock_user(uuid) is 'Locks the row of a user, trying for half a second at most';

-- _on_refresh() -> trigger: before update of refreshed_at on auth.sessions
-- Ends the session that is being refreshed when it is over the limit: Auth refuses its next refresh, and the client signs out cleanly.
-- This refresh itself succeeds. Where the user's row cannot be had in time the session is left alone until its next refresh.
create or replace function supasession._on_refresh()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    settings record;
begin
    -- What has ended stays ended.
    if old.not_after <= pg_catalog.clock_timestamp() then
        return new;
    end if;

    select c.enabled, c.max_sessions, c.eviction_order, c.enforce_on_refresh into settings from supasession.config c;
    if not found or not settings.enabled or not settings.enforce_on_refresh then
        return new;
    end if;

    if not supasession._lock_user(new.user_id) then
        return new;
    end if;

    perform
    from supasession._live_sessions(new.user_id, settings.eviction_order, pg_catalog.clock_timestamp()) l
    where l.session_id = new.id and l.place > settings.max_sessions;
    if found then
        new.not_after := pg_catalog.clock_timestamp();
    end if;

    return new;
end
$$;
comment on function supasession._on_refresh() is 'Ends a session over the limit when it is refreshed';
