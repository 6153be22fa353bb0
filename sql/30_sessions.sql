-- Which sessions of a user count, and in which order they go. Everything that enforces or counts asks here.

-- _live_sessions(user_id, eviction_order, moment) -> rows (session_id, place)
-- The user's live sessions at a moment; place 1 is kept longest, and what has a place above the limit is over it.
-- In a BEFORE UPDATE trigger the row that is being changed still counts as it was: a refresh is ranked by its OLD refreshed_at,
-- or least_recently_used would never end anything.
create or replace function supasession._live_sessions(user_id uuid, eviction_order text, moment timestamptz)
returns table (session_id uuid, place bigint)
language sql
stable
set search_path = ''
as $$
    select
        s.id,
        pg_catalog.row_number() over (
            order by
                coalesce(
                    -- Auth keeps refreshed_at without time zone, in UTC.
                    case when _live_sessions.eviction_order = 'least_recently_used' then s.refreshed_at at time zone 'UTC' end,
                    s.created_at,
                    '-infinity'
                ) desc,
                s.id desc
        )
    from auth.sessions s
    where s.user_id = _live_sessions.user_id
        and (s.not_after is null or s.not_after > _live_sessions.moment);
$$;
comment on function supasession._live_sessions(uuid, text, timestamptz) is
    'The live sessions of a user, numbered from the one kept longest to the one that goes first';
