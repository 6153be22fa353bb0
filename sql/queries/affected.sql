-- Which sessions are over a limit or past a deadline, by these settings and rules.
-- Reads tables of Auth only: works before an installation too.
-- $1 settings, $2 rules, $3 users, $4 ids in pending_ends: as in verdicts.sql
-- $5 ids of sessions to compare with (uuid[]): those that are so already
-- One row: ids (all of them); sessions, users (those that are not in $5); spared (those in $5 that are not among them)
with verdicts as (
-- @include queries/verdicts.sql
)
select
    coalesce(array_agg(a.session_id) filter (where a.session_id is not null), '{}') as ids,
    count(*) filter (where b.id is null) as sessions,
    count(distinct a.user_id) filter (where b.id is null) as users,
    count(*) filter (where a.session_id is null) as spared
from (select v.session_id, v.user_id from verdicts v where v.over or v.ends is not null) a
full join unnest($5::uuid[]) b (id) on b.id = a.session_id
