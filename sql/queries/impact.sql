-- What settings and rules do to the existing sessions: which they end, who cannot sign in, which get a deadline.
-- Reads tables of Auth only: works before an installation too.
-- $1 settings, $2 rules, $3 users, $4 ids in pending_ends: as in verdicts.sql
-- One row: users_over, sessions_over (over a limit), users_at (exactly at the limit: under reject they cannot sign in
-- again), sessions_expiring (past a deadline), most_over (the most sessions that one user is over by); and what
-- enforce() would do: evicted (over a limit and not past a deadline), deadlines (sessions that get an earlier one).
with verdicts as (
-- @include queries/verdicts.sql
),
users as (
    select
        v.user_id,
        count(*) filter (where v.over) as over,
        count(*) filter (where v.over and v.ends is null) as evicted,
        count(*) filter (where v.ends is not null) as expiring,
        count(*) filter (where v.deadline is not null and v.ends is null and not v.over) as deadlines,
        -- A sign-in to the app itself counts among the sessions without an OAuth client.
        bool_or(v.rank = v.max_sessions and not v.idle) filter (where v.client is null and not v.pending)
            and not bool_or(v.over) filter (where v.client is null and not v.pending) as at_limit
    from verdicts v
    group by v.user_id
)
select
    count(*) filter (where u.over > 0) as users_over,
    coalesce(sum(u.over), 0) as sessions_over,
    count(*) filter (where u.at_limit) as users_at,
    coalesce(sum(u.expiring), 0) as sessions_expiring,
    coalesce(max(u.over), 0) as most_over,
    coalesce(sum(u.evicted), 0) as evicted,
    coalesce(sum(u.deadlines), 0) as deadlines
from users u
