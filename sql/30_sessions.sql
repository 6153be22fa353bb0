-- Which sessions of a user count, and in which order they go. Everything that enforces or counts asks here.
--
-- What a sign-in calls is PL/pgSQL throughout: it keeps its plans for as long as the connection lasts, where a function in SQL with a SET clause is
-- planned anew in every transaction (measured: 40 microseconds for one probe of an index, 170 for _live_sessions).

-- _pool(settings, oauth_client_id, aal, mfa) -> name of the pool that a session counts in, or null where it does not count
-- mfa: whether its user has a verified second factor. Sessions at aal1 of such a user are pending: a stolen password alone must not be able
-- to sign the owner out, so they have a pool of their own.
create or replace function supasession._pool(settings supasession.config, oauth_client_id uuid, aal text, mfa boolean)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
    return case
            when oauth_client_id is null or (settings).oauth_clients = 'together' then 'user'
            when (settings).oauth_clients = 'separate' then oauth_client_id::text
        end
        || case when mfa and coalesce(aal, 'aal1') = 'aal1' and not (settings).count_pending_mfa then ' pending' else '' end;
end
$$;
comment on function supasession._pool(supasession.config, uuid, text, boolean) is 'The pool in which a session counts';

-- _has_factor(user_id) -> whether the user has a verified second factor
create or replace function supasession._has_factor(user_id uuid)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
    return exists (select from auth.mfa_factors f where f.user_id = _has_factor.user_id and f.status = 'verified');
end
$$;
comment on function supasession._has_factor(uuid) is 'Whether a user has a verified second factor';

-- _last_used(refreshed_at, created_at) -> when a session was last signed in or refreshed
-- Auth keeps refreshed_at without time zone, in UTC.
create or replace function supasession._last_used(refreshed_at timestamp, created_at timestamptz)
returns timestamptz
language plpgsql
immutable
set search_path = ''
as $$
begin
    return coalesce(refreshed_at at time zone 'UTC', created_at, '-infinity');
end
$$;
comment on function supasession._last_used(timestamp, timestamptz) is 'When a session was last signed in or refreshed';

-- _live_sessions(settings, users, strategies, moment) -> rows (ordinal, session_id, oauth_client_id, pool, idle, place)
-- The live sessions of some users at a moment, numbered in each pool of each user: place 1 is kept longest, and what has a place above the limit is over
-- it. ordinal: the place of the user in `users`, where one may stand more than once; strategies: one for each of them. One user's are read by the index on
-- user_id and many in one pass, as Postgres decides by how many they are: a call for each would take ten times as long.
-- idle: under reject, a session unused for longer than reject_ignores_idle; such ones go first.
-- In a BEFORE UPDATE trigger the row that is being changed still counts as it was: a refresh is ranked by its OLD refreshed_at,
-- or least_recently_used would never end anything.
create or replace function supasession._live_sessions(
    settings supasession.config,
    users uuid[],
    strategies supasession.enforcement_strategy[],
    moment timestamptz
)
returns table (ordinal bigint, session_id uuid, oauth_client_id uuid, pool text, idle boolean, place bigint)
language plpgsql
stable
set search_path = ''
as $$
declare
    idle_before constant timestamptz := moment - (settings).reject_ignores_idle;
    by_use constant boolean := (settings).eviction_order = 'least_recently_used';
begin
    return query
        select
            s.ordinal,
            s.id,
            s.oauth_client_id,
            s.pool,
            s.idle,
            pg_catalog.row_number() over (
                partition by s.ordinal, s.pool
                order by
                    s.idle,
                    case when by_use then s.last_used else coalesce(s.created_at, '-infinity') end desc,
                    s.id desc
            )
        from (
            select
                u.ordinal,
                r.id,
                r.oauth_client_id,
                r.created_at,
                l.last_used,
                u.strategy = 'reject' and coalesce(l.last_used < idle_before, false) as idle,
                case
                    when r.oauth_client_id is null and not u.mfa then 'user' -- what _pool() says of most
                    else supasession._pool(settings, r.oauth_client_id, r.aal::text, u.mfa)
                end as pool
            from (
                select
                    n.ordinal,
                    n.user_id,
                    n.strategy,
                    -- _has_factor(), without the cost of its call.
                    exists (select from auth.mfa_factors m where m.user_id = n.user_id and m.status = 'verified') as mfa
                from rows from (pg_catalog.unnest(users), pg_catalog.unnest(strategies)) with ordinality n (user_id, strategy, ordinal)
                offset 0 -- once for each user, and not for each session
            ) u
            join auth.sessions r on r.user_id = u.user_id
            -- As _last_used() says it, without the cost of its call.
            cross join lateral (select coalesce(r.refreshed_at at time zone 'UTC', r.created_at, '-infinity')) l (last_used)
            where r.not_after is null or r.not_after > _live_sessions.moment
        ) s
        where s.pool is not null;
end
$$;
comment on function supasession._live_sessions(supasession.config, uuid[], supasession.enforcement_strategy[], timestamptz) is
    'The live sessions of users by pool, numbered from the one kept longest to the one that goes first';
-- The first 1.0.0 had ones with other parameters, which nothing calls any more.
drop function if exists supasession._live_sessions(uuid, text, timestamptz);
drop function if exists supasession._live_sessions(supasession.config, uuid, supasession.enforcement_strategy, timestamptz);

-- _lock_user(user_id, patience) -> whether the row of the user is locked now
-- Tries for as long as patience says, and never stands in the queue for the lock. For those that hold something already which the holder of that row may
-- want: a refresh holds its session, a verification its factor; a password change and a deletion hold the user and want just these. One that
-- queued would close the circle, and a short lock_timeout is no way out: whoever has waited for deadlock_timeout (1 s) while it is in its own
-- wait is killed (measured with refresh token algorithm 2).
create or replace function supasession._lock_user(user_id uuid, patience interval)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
    give_up constant timestamptz := pg_catalog.clock_timestamp() + patience;
begin
    loop
        perform from auth.users u where u.id = _lock_user.user_id for no key update skip locked;
        if found then
            return true;
        end if;
        if pg_catalog.clock_timestamp() > give_up or not exists (select from auth.users u where u.id = _lock_user.user_id) then
            return false;
        end if;
        -- Seconds: a sign-in holds the row for a few milliseconds.
        perform pg_catalog.pg_sleep(0.005);
    end loop;
end
$$;
comment on function supasession._lock_user(uuid, interval) is 'Locks the row of a user without queueing for it, trying for a while at most';
-- The first 1.0.0 had one without patience, which nothing calls any more.
drop function if exists supasession._lock_user(uuid);

-- _user_policy(settings, user_id, app_metadata, oauth_client_id) -> what applies, as _policy() says it; the settings alone where there are no rules
-- or, with on_error = allow, where the rules fail. Raises PT403 where they fail and on_error is refuse.
create or replace function supasession._user_policy(
    settings supasession.config,
    user_id uuid,
    app_metadata jsonb,
    oauth_client_id uuid,
    out rule text,
    out unlimited boolean,
    out max_sessions integer,
    out strategy supasession.enforcement_strategy,
    out timebox interval,
    out inactivity_timeout interval
)
language plpgsql
stable
set search_path = ''
as $$
begin
    unlimited := false;
    max_sessions := (settings).max_sessions;
    strategy := (settings).strategy;
    timebox := (settings).timebox;
    inactivity_timeout := (settings).inactivity_timeout;
    begin
        if exists (select from supasession.rules) then
            select p.* into strict rule, unlimited, max_sessions, strategy, timebox, inactivity_timeout
            from supasession._policy(settings, _user_policy.user_id, app_metadata, _user_policy.oauth_client_id) p;
        end if;
    exception
        when others then
            perform supasession._tolerate(sqlstate, sqlerrm, (settings).on_error);
    end;
end
$$;
comment on function supasession._user_policy(supasession.config, uuid, jsonb, uuid) is 'What applies to a session of a user, also where the rules fail';

-- _deadline(timebox, inactivity_timeout, low_aal_timeout, created_at, ceiling, moment) -> deadline, null for none
-- The earliest of what is given. low_aal_timeout is given for pending sessions only.
create or replace function supasession._deadline(
    timebox interval,
    inactivity_timeout interval,
    low_aal_timeout interval,
    created_at timestamptz,
    ceiling timestamptz,
    moment timestamptz
)
returns timestamptz
language plpgsql
immutable
set search_path = ''
as $$
begin
    return nullif(
        least(
            ceiling,
            coalesce(created_at, moment) + timebox,
            moment + inactivity_timeout,
            coalesce(created_at, moment) + low_aal_timeout
        ),
        'infinity'
    );
end
$$;
comment on function supasession._deadline(interval, interval, interval, timestamptz, timestamptz, timestamptz) is 'The deadline of a session';

-- _end_sessions(session_ids) -> ids of those that have been ended
-- Deletes those that nobody holds. One that is being refreshed is left: it finds out by itself.
create or replace function supasession._end_sessions(session_ids uuid[])
returns uuid[]
language plpgsql
set search_path = ''
as $$
declare
    victim uuid;
    ended uuid[] := '{}';
begin
    if session_ids is null then
        return ended;
    end if;
    -- One by one: mostly there is one, and a statement for many costs that one more.
    foreach victim in array session_ids loop
        delete from auth.sessions s
        where s.id = (select v.id from auth.sessions v where v.id = victim for update skip locked);
        if found then
            ended := ended || victim;
        end if;
    end loop;
    return ended;
end
$$;
comment on function supasession._end_sessions(uuid[]) is 'Deletes those of some sessions that nobody holds, and says which';
