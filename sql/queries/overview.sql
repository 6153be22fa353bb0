-- Users by their number of live sessions, and how many ended sessions are still in the table.
-- Reads tables of Auth only: works before an installation too.
-- $1 ids of sessions in pending_ends (uuid[]): they count as ended
-- One row: histogram (an array of {"sessions": live sessions of a user, "users": how many have that number}, the fewest
-- sessions first), ended
with users as (
    select count(*) filter (where s.live) as live, count(*) filter (where not s.live) as ended
    from (
        select a.user_id, (a.not_after is null or a.not_after > now()) and a.id <> all ($1::uuid[]) as live
        from auth.sessions a
    ) s
    group by s.user_id
),
by_number as (
    select u.live, count(*) as users, sum(u.ended) as ended
    from users u
    group by u.live
)
select
    coalesce(
        jsonb_agg(jsonb_build_object('sessions', n.live, 'users', n.users) order by n.live) filter (where n.live > 0), '[]'
    ) as histogram,
    coalesce(sum(n.ended), 0) as ended
from by_number n
