-- Judges many sessions at once: over the limit, past a deadline, or due for an earlier one. Follows the same rules as
-- _enforce_limit(), _is_over() and _deadline(), which judge one session; works before an installation too.
-- $1 settings (jsonb), $2 rules (jsonb array), $3 users (uuid[], null: all), $4 ids of sessions in pending_ends (uuid[])
-- Rows: the live sessions of users with as many as the lowest limit, and every session with a deadline to come.
-- ends: why it is past a deadline; deadline: what it should have, null unless that is earlier than what it has.
with settings as materialized (
    select c.*, coalesce(c.eviction_order = 'least_recently_used', false) as by_use
    from jsonb_to_record($1) c (
        max_sessions integer, strategy text, eviction_order text, timebox interval, inactivity_timeout interval,
        low_aal_timeout interval, reject_ignores_idle interval, oauth_clients text
    )
),
rules as materialized (
    select r.*, row_number() over (order by r.priority, r.name) as ordinal
    from jsonb_to_recordset($2) r (
        name text, priority integer, user_id uuid, app_metadata jsonb, oauth_client_id uuid, max_sessions integer,
        unlimited boolean, strategy text, timebox interval, inactivity_timeout interval, no_deadline boolean
    )
),
by_metadata as (
    select u.id as user_id, min(r.ordinal) as ordinal
    from auth.users u
    join rules r on r.user_id is null and u.raw_app_meta_data @> r.app_metadata
    where $3::uuid[] is null or u.id = any ($3)
    group by u.id
),
by_client as (
    select r.oauth_client_id, min(r.ordinal) as ordinal
    from rules r
    where r.user_id is null and r.oauth_client_id is not null
    group by r.oauth_client_id
),
factors as (
    select distinct f.user_id from auth.mfa_factors f where f.status = 'verified'
),
sessions as (
    select
        s.id, s.user_id, s.created_at, s.not_after, s.oauth_client_id,
        coalesce(s.refreshed_at at time zone 'UTC', s.created_at, '-infinity') as last_used,
        f.user_id is not null and coalesce(s.aal::text, 'aal1') = 'aal1' as pending,
        coalesce(o.ordinal, least(m.ordinal, k.ordinal)) as ordinal
    -- An older Auth has no such column: then the name refers to no_client.
    from (select null::uuid as oauth_client_id) no_client
    cross join lateral (
        select a.id, a.user_id, a.created_at, a.refreshed_at, a.not_after, a.aal, oauth_client_id
        from auth.sessions a
    ) s
    left join factors f on f.user_id = s.user_id
    left join rules o on o.user_id = s.user_id
    left join by_metadata m on m.user_id = s.user_id
    left join by_client k on k.oauth_client_id = s.oauth_client_id
    where (s.not_after is null or s.not_after > now())
        and ($3::uuid[] is null or s.user_id = any ($3))
        and s.id <> all ($4::uuid[])
),
crowded as (
    select s.user_id
    from auth.sessions s
    where (s.not_after is null or s.not_after > now()) and ($3::uuid[] is null or s.user_id = any ($3))
    group by s.user_id
    having count(*) >= (select least(c.max_sessions, (select min(r.max_sessions) from rules r)) from settings c)
),
judged as (
    select
        s.id, s.user_id, s.created_at, s.not_after, s.oauth_client_id, s.last_used, s.pending, r.name as rule,
        case
            when r.unlimited or s.oauth_client_id is not null and c.oauth_clients = 'ignore' then null
            else coalesce(r.max_sessions, c.max_sessions)
        end as max_sessions,
        coalesce(r.strategy, c.strategy) = 'reject' and not s.pending as rejects,
        coalesce(s.last_used < now() - c.reject_ignores_idle, false) as unused,
        case c.oauth_clients when 'together' then null else s.oauth_client_id end as client,
        s.user_id in (select w.user_id from crowded w) as ranked,
        case when r.no_deadline is not true then coalesce(s.created_at, now()) + coalesce(r.timebox, c.timebox) end as boxed,
        case when r.no_deadline is not true then s.last_used + coalesce(r.inactivity_timeout, c.inactivity_timeout) end
            as unused_until,
        case when s.pending then coalesce(s.created_at, now()) + c.low_aal_timeout end as pending_until
    from sessions s
    left join rules r on r.ordinal = s.ordinal
    cross join settings c
),
places as (
    select
        j.id,
        j.rejects and j.unused as idle,
        case
            when j.rejects then row_number() over (
                partition by j.user_id, j.client, j.pending
                order by j.unused, case when c.by_use then j.last_used else coalesce(j.created_at, '-infinity') end desc, j.id desc
            )
            else row_number() over (
                partition by j.user_id, j.client, j.pending
                order by case when c.by_use then j.last_used else coalesce(j.created_at, '-infinity') end desc, j.id desc
            )
        end as rank
    from judged j
    cross join settings c
    where j.ranked
),
deadlines as (
    select
        j.*,
        -- This fraction marks every deadline of supasession: see _deadline().
        date_trunc('second', least(j.boxed, j.unused_until, j.pending_until)) + interval '0.271828 seconds' as wanted
    from judged j
)
select
    d.user_id, d.id as session_id, d.client, d.pending, p.idle, p.rank, d.max_sessions, d.rule,
    coalesce(p.rank > d.max_sessions and not p.idle, false) as over,
    case
        when d.wanted > now() then null
        when d.unused_until <= now() + interval '1 second' then 'inactivity'
        when d.boxed <= now() + interval '1 second' then 'timebox'
        when d.pending_until <= now() + interval '1 second' then 'second factor missing'
    end as ends,
    case when d.wanted < coalesce(d.not_after, 'infinity') then d.wanted end as deadline
from deadlines d
left join places p on p.id = d.id
where p.id is not null or d.wanted < coalesce(d.not_after, 'infinity')
