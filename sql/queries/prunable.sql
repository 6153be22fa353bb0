-- What prune() would remove in all its calls: sessions that ended, or were last used, before a time.
-- Reads tables of Auth only: works before an installation too.
-- $1 the time (timestamptz), $2 ids of sessions in pending_ends (uuid[]): they count as ended
-- One row: ended, live (not ended, only unused), users (of those live ones)
select
    count(*) filter (where not s.live) as ended,
    count(*) filter (where s.live) as live,
    count(distinct s.user_id) filter (where s.live) as users
from (
    select a.user_id, (a.not_after is null or a.not_after > now()) and a.id <> all ($2::uuid[]) as live
    from auth.sessions a
    where a.not_after < $1::timestamptz
        or coalesce(a.refreshed_at at time zone 'UTC', a.created_at, '-infinity') < $1::timestamptz
) s
