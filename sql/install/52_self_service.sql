-- What signed-in users may do.

create or replace function supasession._current_session(out user_id uuid, out session_id uuid)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select s.user_id, s.id from supasession._claims() c
  join auth.sessions s on s.id = c.session_id and s.user_id = c.user_id
  where supasession.has_access()
    and not (
      coalesce(s.aal::text, 'aal1') = 'aal1'
      and exists (select from auth.mfa_factors f where f.user_id = s.user_id and f.status = 'verified')
    );
$$;
comment on function supasession._current_session is
'The signed-in user and session, if they may manage sessions; nulls if it has ended, or has not passed its
user''s second factor';

create or replace function supasession.my_sessions()
returns table (
  id uuid, created_at timestamptz, refreshed_at timestamptz, device text, user_agent text, ip inet, aal
  text, not_after timestamptz, current boolean
)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select
    s.id, s.created_at, s.refreshed_at at time zone 'UTC', supasession.device_label(s.user_agent),
    s.user_agent, s.ip, s.aal::text, s.not_after, s.id = c.session_id
  from supasession._current_session() c
  join auth.sessions s on s.user_id = c.user_id
  where (s.not_after is null or s.not_after > now())
    and not exists (select from supasession.pending_ends e where e.session_id = s.id)
  order by s.created_at desc, s.id;
$$;
comment on function supasession.my_sessions is
'The live sessions of the signed-in user, newest first; none for a session that has ended or lacks its second
factor';

create or replace function supasession.revoke_my_session(session_id uuid) returns boolean
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(bool_or(supasession.revoke_session(m.id)), false)
  from supasession.my_sessions() m where m.id = revoke_my_session.session_id;
$$;
comment on function supasession.revoke_my_session is
'Ends a live session of the signed-in user; false if it is none';

create or replace function supasession.revoke_my_other_sessions() returns integer
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(sum(supasession.revoke_user_sessions(c.user_id, array[c.session_id])), 0)::integer
  from supasession._current_session() c where c.session_id is not null;
$$;
comment on function supasession.revoke_my_other_sessions is
'Ends all sessions of the signed-in user but the current one, and says how many';
