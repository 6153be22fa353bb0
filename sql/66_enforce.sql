-- Existing sessions: bringing them in line, judging a limit, and clearing away what is dead.

-- enforce(batch, after) -> row (users, evicted, expired, deadlines, skipped, last_user)
-- Brings the sessions of the next users, by id, in line with settings and rules: ends what is over the limit and moves deadlines that are too late.
-- One call is one batch: go on with after => last_user until last_user is null. A user who is signing in at this moment is skipped: the limit
-- reaches those sessions at their own refresh. In observe mode nothing is changed, and the numbers are what would be.
create or replace function supasession.enforce(batch integer default 1000, after uuid default null)
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

    for candidate in
        select distinct s.user_id
        from auth.sessions s
        where enforce.after is null or s.user_id > enforce.after
        order by s.user_id
        limit enforce.batch
    loop
        last_user := candidate.user_id;
        users := users + 1;
        select u.raw_app_meta_data into app_metadata
        from auth.users u where u.id = candidate.user_id for no key update skip locked;
        if not found then
            skipped := skipped + 1;
            continue;
        end if;
        moment := pg_catalog.clock_timestamp();
        mfa := supasession._has_factor(candidate.user_id);
        expiring := '{}';

        for session in
            select s.id, s.created_at, s.refreshed_at, s.not_after, s.oauth_client_id, s.aal::text
            from auth.sessions s
            where s.user_id = candidate.user_id and (s.not_after is null or s.not_after > moment)
            for update skip locked
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
                    deadlines := deadlines + 1;
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
                        o.place - pg_catalog.count(*) filter (where o.session_id = any (expiring)) over (partition by o.pool order by o.place) as place
                    from supasession._live_sessions(settings, candidate.user_id, policy.strategy, moment) o
                ) l
                join auth.sessions s on s.id = l.session_id
                where l.place > policy.max_sessions
                    and l.session_id <> all (expiring)
                    and s.oauth_client_id is not distinct from session.oauth_client_id
            );
            if settings.mode = 'enforce' then
                foreach ended in array supasession._end_sessions(over) loop
                    evicted := evicted + 1;
                    perform supasession._record(
                        settings, 'evicted', candidate.user_id, ended,
                        pg_catalog.format('limit of %s, by enforce()', policy.max_sessions), policy.rule
                    );
                end loop;
            else
                evicted := evicted + pg_catalog.cardinality(over);
            end if;
        end loop;
    end loop;

    if users < batch then
        last_user := null;
    end if;
    return next;
end
$$;
comment on function supasession.enforce(integer, uuid) is 'Brings a batch of existing sessions in line with settings and rules';

-- impact(changes) -> row (users_over, sessions_over, users_at)
-- Whom the limit concerns, as the settings are or with some of them changed: changes is an object of column names and values.
-- users_over, sessions_over: what refreshes and enforce() end, in any pool; users_at: who is full and, under reject, cannot sign in again.
-- Raises 22023 for what is no setting.
create or replace function supasession.impact(changes jsonb default '{}')
returns table (users_over bigint, sessions_over bigint, users_at bigint)
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
            pg_catalog.count(distinct p.user_id) filter (where p.live > p.max_sessions),
            coalesce(pg_catalog.sum(p.live - p.max_sessions) filter (where p.live > p.max_sessions), 0)::bigint,
            pg_catalog.count(*) filter (where p.live = p.max_sessions and p.pool = 'user')
        from (
            select a.id as user_id, l.pool, pg_catalog.count(*) as live, y.max_sessions
            from (
                -- A client has a pool, and may have a rule, of its own only where clients are separate.
                select distinct s.user_id, case when settings.oauth_clients = 'separate' then s.oauth_client_id end as client
                from auth.sessions s
            ) u
            join auth.users a on a.id = u.user_id
            cross join lateral supasession._user_policy(settings, a.id, a.raw_app_meta_data, u.client) y
            cross join lateral supasession._live_sessions(settings, a.id, y.strategy, pg_catalog.now()) l
            where not y.unlimited
                and not l.idle
                and l.pool in (coalesce(u.client::text, 'user'), coalesce(u.client::text, 'user') || ' pending')
            group by a.id, l.pool, y.max_sessions
        ) p;
end
$$;
comment on function supasession.impact(jsonb) is 'Users and sessions over the limit, and users at it';

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
        where s.not_after < before or supasession._last_used(s.refreshed_at, s.created_at) < before
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
