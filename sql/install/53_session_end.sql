-- What the app can tell its user about the end of a session.

create or replace function supasession._session_end(
  session uuid, owner uuid, out ends_at timestamptz, out ends_by text, out reason text, out cause text
)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  f record;
  p supasession.policy;
begin
  if session is null then return; end if;
  select
    s.not_after, s.created_at, s.oauth_client_id, s.user_id, e.reason, e.device,
    coalesce(s.aal::text, 'aal1') = 'aal1' as low_aal,
    coalesce(s.refreshed_at at time zone 'UTC', s.created_at, '-infinity') as last_used,
    case
      -- revoke_access() first notes the user, then ends the sessions.
      when r.at <= e.at and e.kind = 'revoked'
        or e.kind is null and (r.at is not null or u.banned_until > now()) then 'access_revoked'
      when e.kind is not null then e.kind
      when d.reason like 'limit of %' then 'evicted'
      when d.session_id is not null then 'revoked'
      when s.not_after <= now() then 'expired'
    end as kind
  into f
  from (select) one
  left join auth.sessions s on s.id = session
  left join supasession.pending_ends d on d.session_id = s.id
  left join lateral (
    select n.user_id, n.at, n.kind, n.reason, n.details ->> 'device' as device from supasession.events n
    where n.session_id = session and n.kind in ('evicted', 'expired', 'revoked')
      and (s.id is null or s.not_after <= now() or d.session_id is not null)
    order by n.id desc limit 1
  ) e on true
  left join supasession.revoked r on r.user_id = coalesce(s.user_id, e.user_id, owner)
  left join auth.users u on u.id = coalesce(s.user_id, owner);
  if f.kind = 'expired' then ends_by := split_part(f.reason, ',', 1); end if;
  if ends_by is null and f.not_after = date_trunc('second', f.not_after) + interval '0.271828 seconds' then
    p := supasession._policy(f.user_id);
    if p.ruled or f.oauth_client_id is not null then
      p := supasession._apply_rule(p, f.user_id, f.oauth_client_id);
    end if;
    -- A second later, because refreshed_at is by the clock of Auth.
    ends_by := supasession._due(
      p, p.mfa and f.low_aal, f.created_at, f.last_used, f.not_after + interval '1 second'
    );
  end if;
  ends_at := f.not_after;
  ends_by := case ends_by when 'second factor missing' then 'mfa' else ends_by end;
  reason := case f.kind
    when 'expired' then coalesce(replace(ends_by, 'mfa', 'mfa_required'), 'session_expired') else f.kind
  end;
  if f.kind in ('evicted', 'revoked') then cause := f.device; end if;
end
$$;
comment on function supasession._session_end is
'When and by which limit a session ends (nulls: by another, or never), and why it has ended (null: it has not,
or nobody knows). owner: its user, if known. Tells no reason that a person typed.';

create or replace function supasession.session_state(
  out live boolean, out ends_at timestamptz, out ends_by text, out reason text, out cause text
)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select supasession.has_access(), e.ends_at, e.ends_by, e.reason, e.cause
  from supasession._claims() c cross join lateral supasession._session_end(c.session_id, c.user_id) e;
$$;
comment on function supasession.session_state is
'The session of the request: has_access(), its deadline, what set it (timebox, inactivity, mfa), and
why_ended(). Extends nothing.';

create or replace function supasession.why_ended(session_id uuid, out reason text, out cause text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select e.reason, e.cause from supasession._session_end(why_ended.session_id, null) e;
$$;
comment on function supasession.why_ended is
'Why a session has ended: evicted, revoked, access_revoked, inactivity, timebox, mfa_required,
session_expired; cause: device_label() of what evicted or revoked it. Nulls: live or unknown. Also for anon,
because the guard refuses a dead token.';
