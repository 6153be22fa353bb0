-- Existing sessions: bringing them in line, judging a limit, and clearing away what is dead.

-- enforce(batch, after, dry_run) -> row (users, evicted, expired, deadlines, skipped, last_user)
-- Brings the sessions of the next users, by id, in line with settings and rules: ends what is over the limit and moves deadlines that are too late.
-- One call is one batch: go on with after => last_user until last_user is null. A user who is signing in at this moment is skipped: the limit
-- reaches those sessions at their own refresh. In observe mode, and with dry_run, nothing is changed, and the numbers are what would be.
-- deadlines: sessions that got one, or an earlier one, and go on.
-- Under reject, sessions that reject_ignores_idle sets aside are left: they end when they are in the way of a sign-in.
create or replace function supasession.enforce(batch integer default 1000, after uuid default null, dry_run boolean default false)
returns table (users integer, evicted integer, expired integer, deadlines integer, skipped integer, last_user uuid)
language plpgsql
security definer
set search_path = ''
as $$
declare
    settings supasession.config;
    candidate record;
    app_metadata jsonb;
    session record;
    policy record;
    over uuid[];
    expiring uuid[];
    given uuid[];
    held uuid[];
    mfa boolean;
    pool text;
    deadline timestamptz;
    ended uuid;
    moment timestamptz;
begin
    users := 0; evicted := 0; expired := 0; deadlines := 0; skipped := 0;
    select * into settings from supasession.config;
    if settings.enabled is not true then
        return next;
        return;
    end if;
    if dry_run then
        settings.mode := 'observe';
    end if;

    for candidate in
        select distinct s.user_id
        from auth.sessions s
        where enforce.after is null or s.user_id > enforce.after
        order by s.user_id
        limit enforce.batch
    loop
        last_user := candidate.user_id;
        users := users + 1;
        -- What only counts holds nobody up.
        if settings.mode = 'enforce' then
            select u.raw_app_meta_data into app_metadata
            from auth.users u where u.id = candidate.user_id for no key update skip locked;
        else
            select u.raw_app_meta_data into app_metadata from auth.users u where u.id = candidate.user_id;
        end if;
        if not found then
            skipped := skipped + 1;
            continue;
        end if;
        moment := pg_catalog.clock_timestamp();
        mfa := supasession._has_factor(candidate.user_id);
        expiring := '{}';
        given := '{}';
        if settings.mode = 'enforce' then
            held := array(select s.id from auth.sessions s where s.user_id = candidate.user_id for update skip locked);
        end if;

        for session in
            select s.id, s.created_at, s.refreshed_at, s.not_after, s.oauth_client_id, s.aal::text
            from auth.sessions s
            where s.user_id = candidate.user_id
                and (s.not_after is null or s.not_after > moment)
                and (settings.mode <> 'enforce' or s.id = any (held))
        loop
            policy := supasession._user_policy(settings, candidate.user_id, app_metadata, session.oauth_client_id);
            pool := supasession._pool(settings, session.oauth_client_id, session.aal, mfa);
            deadline := supasession._deadline(
                policy.timebox, null, case when pool like '% pending' then settings.low_aal_timeout end,
                session.created_at, session.not_after, moment
            );
            -- From its last use on, and not from now.
            deadline := least(
                deadline, supasession._last_used(session.refreshed_at, session.created_at) + policy.inactivity_timeout
            );
            if deadline < coalesce(session.not_after, 'infinity') then
                if deadline <= moment then
                    expired := expired + 1;
                    expiring := expiring || session.id;
                else
                    given := given || session.id;
                end if;
                if settings.mode = 'enforce' then
                    -- What it had is somebody else's, and what it gets now is ours.
                    perform supasession._ceiling(
                        session.id, session.not_after, supasession._last_used(session.refreshed_at, session.created_at)
                    );
                    insert into supasession.ceilings (session_id, not_after) values (session.id, 'infinity') on conflict do nothing;
                    update auth.sessions s set not_after = deadline where s.id = session.id;
                    if deadline <= moment then
                        perform supasession._record(settings, 'expired', candidate.user_id, session.id, 'enforce()', policy.rule);
                    end if;
                end if;
            end if;
        end loop;

        -- Each pool of an OAuth client may have a rule, and so a limit, of its own.
        for session in
            select distinct s.oauth_client_id from auth.sessions s where s.user_id = candidate.user_id
        loop
            policy := supasession._user_policy(settings, candidate.user_id, app_metadata, session.oauth_client_id);
            continue when policy.unlimited;
            -- In observe mode the sessions that would have expired are still there: they take no place and are not counted twice.
            over := array(
                select l.session_id
                from (
                    select
                        o.session_id,
                        o.oauth_client_id,
                        o.idle,
                        o.place - pg_catalog.count(*) filter (where o.session_id = any (expiring)) over (partition by o.pool order by o.place) as place
                    from supasession._live_sessions(settings, array[candidate.user_id], array[policy.strategy], moment) o
                ) l
                where l.place > policy.max_sessions
                    and not l.idle
                    and l.session_id <> all (expiring)
                    and l.oauth_client_id is not distinct from session.oauth_client_id
            );
            if settings.mode = 'enforce' then
                foreach ended in array supasession._end_sessions(over) loop
                    evicted := evicted + 1;
                    given := pg_catalog.array_remove(given, ended);
                    perform supasession._record(
                        settings, 'evicted', candidate.user_id, ended,
                        pg_catalog.format('limit of %s, by enforce()', policy.max_sessions), policy.rule
                    );
                end loop;
            else
                evicted := evicted + pg_catalog.cardinality(over);
                given := array(select g.id from pg_catalog.unnest(given) g (id) where g.id <> all (over));
            end if;
        end loop;
        deadlines := deadlines + pg_catalog.cardinality(given);
    end loop;

    if users < batch then
        last_user := null;
    end if;
    return next;
end
$$;
-- The first one could not be asked without being done.
drop function if exists supasession.enforce(integer, uuid);
comment on function supasession.enforce(integer, uuid, boolean) is 'Brings a batch of existing sessions in line with settings and rules';

-- _lowest_limit(settings) -> the lowest limit that anybody has
create or replace function supasession._lowest_limit(settings supasession.config)
returns integer
language sql
stable
set search_path = ''
as $$
    select least((settings).max_sessions, (select pg_catalog.min(r.max_sessions) from supasession.rules r));
$$;
comment on function supasession._lowest_limit(supasession.config) is 'The lowest limit that anybody has';

-- _holders(sessions) -> ids of the users that have at least so many live sessions
-- Reads the table: an index tells as much in a third of the time right after a vacuum, and takes five times as long when a tenth of the rows has been
-- refreshed since (measured).
create or replace function supasession._holders(sessions bigint)
returns uuid[]
language plpgsql
stable
set search_path = ''
-- A third of a million users fit.
set work_mem = '32MB'
as $$
begin
    return array(
        select s.user_id
        from auth.sessions s
        where s.not_after is null or s.not_after > pg_catalog.now()
        group by s.user_id
        having pg_catalog.count(*) >= _holders.sessions
    );
end
$$;
comment on function supasession._holders(bigint) is 'The users that have at least so many live sessions';

-- _crowded(settings, users) -> rows (user_id, session_id, pool, idle, place, max_sessions, rule)
-- The live sessions of some users, in their order, each with the limit that holds for it; unlimited ones are left out.
create or replace function supasession._crowded(settings supasession.config, users uuid[])
returns table (
    user_id uuid,
    session_id uuid,
    pool text,
    idle boolean,
    place bigint,
    max_sessions integer,
    rule text
)
language plpgsql
stable
set search_path = ''
-- A plan for any number of users would be one for ten.
set plan_cache_mode = 'force_custom_plan'
as $$
declare
    ruled constant boolean := exists (select from supasession.rules);
    -- Where sessions of one user have limits of their own: in pools of their clients, or by rules for clients.
    by_client constant boolean := (settings).oauth_clients = 'separate'
        or (settings).oauth_clients = 'together' and exists (select from supasession.rules r where r.oauth_client_id is not null);
    policies record;
begin
    select
        pg_catalog.array_agg(c.user_id) as users,
        pg_catalog.array_agg(c.client) as clients,
        pg_catalog.array_agg(coalesce(y.strategy, (settings).strategy)) as strategies,
        pg_catalog.array_agg(coalesce(y.max_sessions, (settings).max_sessions)) as limits,
        pg_catalog.array_agg(y.rule) as rules
    into policies
    from (
        select n.user_id, null::uuid as client
        from pg_catalog.unnest(_crowded.users) n (user_id)
        union all
        select distinct d.user_id, d.oauth_client_id
        from auth.sessions d
        where by_client and d.oauth_client_id is not null and d.user_id = any (_crowded.users)
    ) c
    left join auth.users a on ruled and a.id = c.user_id
    left join lateral (
        select p.* from supasession._user_policy(settings, c.user_id, a.raw_app_meta_data, c.client) p where ruled
    ) y on true
    where y.unlimited is not true;

    return query
        select p.user_id, l.session_id, l.pool, l.idle, l.place, p.max_sessions, p.rule
        from supasession._live_sessions(settings, policies.users, policies.strategies, pg_catalog.now()) l
        join rows from (
            pg_catalog.unnest(policies.users), pg_catalog.unnest(policies.clients), pg_catalog.unnest(policies.limits), pg_catalog.unnest(policies.rules)
        ) with ordinality p (user_id, client, max_sessions, rule, ordinal) on p.ordinal = l.ordinal
        where not by_client or l.oauth_client_id is not distinct from p.client;
end
$$;
comment on function supasession._crowded(supasession.config, uuid[]) is 'The live sessions of some users, in their order, with their limits';

-- _expiring(settings) -> ids of live sessions that are older, or have been unused for longer, than settings and rules allow
create or replace function supasession._expiring(settings supasession.config)
returns setof uuid
language plpgsql
stable
set search_path = ''
as $$
declare
    ruled constant boolean := exists (select from supasession.rules r where r.no_deadline or r.timebox is not null or r.inactivity_timeout is not null);
    shortest record;
begin
    -- First by the shortest spans there are, which needs no look at the user.
    select
        least((settings).timebox, pg_catalog.min(r.timebox)) as timebox,
        least((settings).inactivity_timeout, pg_catalog.min(r.inactivity_timeout)) as inactivity_timeout
    into shortest
    from supasession.rules r;
    if shortest.timebox is null and shortest.inactivity_timeout is null then
        return;
    end if;
    return query
        select s.id
        from (
            -- As _last_used() says it, without the cost of its call.
            select r.id, r.user_id, r.created_at, coalesce(r.refreshed_at at time zone 'UTC', r.created_at) as last_used, r.oauth_client_id
            from auth.sessions r
            where r.not_after is null or r.not_after > pg_catalog.now()
        ) s
        left join auth.users u on ruled and u.id = s.user_id
        left join lateral (
            select p.* from supasession._user_policy(settings, s.user_id, u.raw_app_meta_data, s.oauth_client_id) p where ruled
        ) y on true
        where (s.created_at + shortest.timebox <= pg_catalog.now() or s.last_used + shortest.inactivity_timeout <= pg_catalog.now())
            and case
                when ruled then s.created_at + y.timebox <= pg_catalog.now() or s.last_used + y.inactivity_timeout <= pg_catalog.now()
                else true
            end;
end
$$;
comment on function supasession._expiring(supasession.config) is 'Live sessions that are past what settings and rules allow';

-- sessions_over_limit() -> rows (session_id, user_id, max_sessions, rule)
-- The sessions that the limit would end now: what enforce() ends, and a refresh of theirs. None while limits are off.
create or replace function supasession.sessions_over_limit()
returns table (session_id uuid, user_id uuid, max_sessions integer, rule text)
language sql
stable
security definer
set search_path = ''
as $$
    select c.session_id, c.user_id, c.max_sessions, c.rule
    from supasession.config s
    cross join lateral supasession._crowded(s, supasession._holders(supasession._lowest_limit(s) + 1)) c
    where s.enabled and c.place > c.max_sessions and not c.idle;
$$;
comment on function supasession.sessions_over_limit() is 'The sessions that the limit would end now';

-- impact(changes, at_limit) -> row (users_over, sessions_over, users_at, sessions_expiring)
-- Whom limit and deadlines concern, as the settings are or with some of them changed: changes is an object of column names and values.
-- users_over, sessions_over: what refreshes and enforce() end, in any pool; users_at: who is full and, under reject, cannot sign in again (null
-- unless at_limit: it is what takes longest); sessions_expiring: live sessions that a deadline ends at their next refresh.
-- Raises 22023 for what is no setting.
drop function if exists supasession.impact(jsonb);
create or replace function supasession.impact(changes jsonb default '{}', at_limit boolean default true)
returns table (users_over bigint, sessions_over bigint, users_at bigint, sessions_expiring bigint)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    settings supasession.config;
begin
    select * into settings from supasession.config;
    if exists (select from pg_catalog.jsonb_object_keys(changes) k where not pg_catalog.to_jsonb(settings) ? k) then
        raise exception 'no such setting in %', changes using errcode = 'invalid_parameter_value';
    end if;
    settings := pg_catalog.jsonb_populate_record(settings, changes);
    return query
        select
            pg_catalog.count(distinct c.user_id) filter (where c.place > c.max_sessions),
            pg_catalog.count(*) filter (where c.place > c.max_sessions),
            case
                -- Who has the last place, without those who have the one after it too.
                when at_limit then
                    pg_catalog.count(*) filter (where c.place = c.max_sessions and c.pool = 'user')
                    - pg_catalog.count(*) filter (where c.place = c.max_sessions + 1 and c.pool = 'user')
            end,
            (select pg_catalog.count(*) from supasession._expiring(settings))
        from supasession._crowded(
            settings, supasession._holders(supasession._lowest_limit(settings) + case when at_limit then 0 else 1 end)
        ) c
        where not c.idle;
end
$$;
comment on function supasession.impact(jsonb, boolean) is 'Users and sessions over the limit, users at it, and sessions past a deadline';

-- overview() -> row (histogram, ended, users_over, sessions_over, sessions_expiring)
-- What there is, in one pass over the sessions, which is what takes time where there are many. histogram: an array of {"sessions": live sessions of a
-- user, "users": how many users have as many}; ended: rows of sessions past their deadline. The rest as impact() has it, and null while limits are off.
create or replace function supasession.overview()
returns table (histogram jsonb, ended bigint, users_over bigint, sessions_over bigint, sessions_expiring bigint)
language plpgsql
stable
security definer
set search_path = ''
set work_mem = '32MB'
as $$
declare
    settings supasession.config;
    lowest integer;
    users uuid[];
begin
    select * into settings from supasession.config;
    lowest := supasession._lowest_limit(settings);
    with by_number as materialized (
        select c.live, pg_catalog.count(*) as users, pg_catalog.array_agg(c.user_id) filter (where settings.enabled and c.live > lowest) as over
        from (
            select s.user_id, pg_catalog.count(*) as live
            from auth.sessions s
            where s.not_after is null or s.not_after > pg_catalog.now()
            group by s.user_id
        ) c
        group by c.live
    )
    select
        coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('sessions', h.live, 'users', h.users) order by h.live), '[]'),
        array(select o.user_id from by_number n cross join lateral pg_catalog.unnest(n.over) o (user_id))
    into histogram, users
    from by_number h;
    ended := (select pg_catalog.count(*) from auth.sessions s where s.not_after <= pg_catalog.now());
    if settings.enabled then
        select
            pg_catalog.count(distinct c.user_id),
            pg_catalog.count(*),
            (select pg_catalog.count(*) from supasession._expiring(settings))
        into users_over, sessions_over, sessions_expiring
        from supasession._crowded(settings, users) c
        where c.place > c.max_sessions and not c.idle;
    end if;
    return next;
end
$$;
comment on function supasession.overview() is 'How many sessions users have, and who is over the limit';

-- _prunable(not_after, refreshed_at, created_at, before) -> whether a session ended, or was last used, before that moment
create or replace function supasession._prunable(not_after timestamptz, refreshed_at timestamp, created_at timestamptz, before timestamptz)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
    -- The second half is what _last_used() says, without the cost of its call.
    return coalesce(not_after < before, false) or coalesce(refreshed_at at time zone 'UTC', created_at, '-infinity') < before;
end
$$;
comment on function supasession._prunable(timestamptz, timestamp, timestamptz, timestamptz) is 'Whether a session has ended or was last used before a moment';

-- prunable(older_than) -> row (ended, live, users)
-- What prune() with that span would remove by and by: sessions that have ended, sessions that are live and have only not been used, and how many
-- users those live ones sign out.
-- Raises 22023 for a span that is not positive.
create or replace function supasession.prunable(older_than interval)
returns table (ended bigint, live bigint, users bigint)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    before constant timestamptz := pg_catalog.clock_timestamp() - older_than;
begin
    if older_than is null or older_than <= interval '0' then
        raise exception 'older_than must be positive' using errcode = 'invalid_parameter_value';
    end if;
    return query
        select
            pg_catalog.count(*) filter (where not s.live),
            pg_catalog.count(*) filter (where s.live),
            pg_catalog.count(distinct s.user_id) filter (where s.live)
        from (
            select r.user_id, r.not_after is null or r.not_after > pg_catalog.now() as live
            from auth.sessions r
            where supasession._prunable(r.not_after, r.refreshed_at, r.created_at, before)
        ) s;
end
$$;
comment on function supasession.prunable(interval) is 'How many sessions prune() would remove, by whether they have ended';

-- prune(older_than, batch) -> how many sessions were removed
-- Clears away sessions that have ended, or have not been used, for longer than older_than, a batch a call, and notes about sessions that are gone.
-- Raises 22023 for a span that is not positive.
create or replace function supasession.prune(older_than interval, batch integer default 1000)
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
    before timestamptz := pg_catalog.clock_timestamp() - older_than;
    removed integer;
begin
    if older_than is null or older_than <= interval '0' then
        raise exception 'older_than must be positive' using errcode = 'invalid_parameter_value';
    end if;
    removed := pg_catalog.cardinality(supasession._end_sessions(array(
        select s.id
        from auth.sessions s
        where supasession._prunable(s.not_after, s.refreshed_at, s.created_at, before)
        limit prune.batch
        -- One that is being refreshed takes no place in the batch, and is not removed right after.
        for update skip locked
    )));
    delete from supasession.ceilings c
    where c.session_id in (
        select n.session_id from supasession.ceilings n
        where n.not_after < pg_catalog.now() or not exists (select from auth.sessions s where s.id = n.session_id)
        limit prune.batch
    );
    delete from supasession.condemned c
    where c.session_id in (
        select n.session_id from supasession.condemned n
        where not exists (select from auth.sessions s where s.id = n.session_id)
        limit prune.batch
    );
    delete from supasession.events e
    where e.id in (
        select o.id from supasession.events o
        where o.at < pg_catalog.now() - coalesce((select c.events_retention from supasession.config c), interval '30 days')
        limit prune.batch
    );
    return removed;
end
$$;
comment on function supasession.prune(interval, integer) is 'Removes a batch of sessions that have ended or have not been used for long';
