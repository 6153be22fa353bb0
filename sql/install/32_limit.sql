-- The limit: what happens to a new session, and to the others of its user.
-- A session counts in a pool. With oauth_clients = separate each OAuth client has a pool. Sessions without
-- their user's second factor (pending) have another, in which nothing is refused: a stolen password alone
-- can neither sign out nor lock out the owner. Sessions in pending_ends do not count. Each query repeats
-- "live and in this pool", because a view would block migrations of Auth. Auth keeps refreshed_at in UTC.

create or replace function supasession._over_limit(
  p supasession.policy, owner uuid, session_id uuid, client uuid, pending boolean, most integer,
  idle_before timestamptz, out over uuid[], out active boolean
)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  now_at constant timestamptz := clock_timestamp();
  by_use constant boolean := p.eviction_order = 'least_recently_used';
begin
  select
    (array_agg(r.id order by r.rank desc) filter (where session_id is not null or not r.idle))[1:most],
    bool_or(not r.idle)
  into over, active
  from (
    select l.id, l.idle, row_number() over (order by l.idle, l.key desc, l.id desc) as rank from (
      select
        s.id, (u.last_used < idle_before) is true as idle,
        case when by_use then u.last_used else coalesce(s.created_at, '-infinity') end as key
      from auth.sessions s
      cross join lateral (
        select coalesce(s.refreshed_at at time zone 'UTC', s.created_at, '-infinity')
      ) u (last_used)
      where s.user_id = owner
        and s.id is distinct from _over_limit.session_id
        and (s.not_after is null or s.not_after > now_at)
        and (p.oauth_clients = 'together' or s.oauth_client_id is not distinct from client)
        and (not p.mfa or (coalesce(s.aal::text, 'aal1') = 'aal1') = pending)
        and not exists (select from supasession.pending_ends e where e.session_id = s.id)
    ) l
  ) r
  where r.rank > p.max_sessions - num_nonnulls(session_id);
end
$$;
comment on function supasession._over_limit is
'Sessions that must end to make room for session_id (null: those over the limit and not idle), at most so
many; active: whether one was used since idle_before. Reads all sessions of the user.';

create or replace function supasession._enforce_limit(
  p supasession.policy, owner uuid, session_id uuid, client uuid, pending boolean, cut_at timestamptz,
  agent text
) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  now_at constant timestamptz := clock_timestamp();
  rejects constant boolean := p.strategy = 'reject' and not pending;
  reason constant text := format('limit of %s', p.max_sessions);
  special boolean;
  saml boolean;
  over uuid[];
  active boolean;
begin
  -- By created_at alone, by the index. Equal times, and null (the oldest), need the look of _over_limit().
  select
    exists (select from auth.sessions s where s.user_id = owner and s.created_at is null)
      or (select count(*) > 1 from auth.sessions s where s.user_id = owner and s.created_at = cut_at)
      or exists (select from supasession.pending_ends e where e.user_id = owner),
    exists (select from auth.flow_state f where f.user_id = owner and f.authentication_method = 'sso/saml'),
    array(
      select s.id from auth.sessions s
      where s.user_id = owner
        and s.created_at <= cut_at
        and (s.not_after is null or s.not_after > now_at)
        and (s.oauth_client_id is null or p.oauth_clients = 'together')
      order by s.created_at limit 100
    )
  into special, saml, over;
  if saml and not p.observe then
    -- SAML with PKCE makes two sessions: one when the identity provider answers, which no client ever gets,
    -- and one at the code exchange. End the first: the transaction that wrote the flow wrote it too.
    delete from auth.sessions d
    where d.id = (
      select s.id from auth.flow_state f
      join auth.sessions s on s.user_id = f.user_id and s.xmin = f.xmin
      where f.user_id = owner and f.authentication_method = 'sso/saml'
        and s.id <> _enforce_limit.session_id
      limit 1 for update of s skip locked
    );
    special := special or found;
  end if;
  if special or cut_at is null or rejects or p.eviction_order <> 'oldest' then
    select o.over, o.active into over, active from supasession._over_limit(
      p, owner, session_id, client, pending, 100,
      case when rejects then now_at - p.reject_ignores_idle end
    ) o;
  end if;
  if coalesce(cardinality(over), 0) = 0 then
    return false;
  elsif p.observe then
    perform supasession._record(
      case when rejects and active then 'would_refuse' else 'would_evict' end,
      owner, session_id, reason, p.rule
    );
    return false;
  elsif rejects and active then
    return true;
  end if;
  -- Under reject only idle sessions end. If one of them is being refreshed now, refuse the new session.
  return supasession._end_sessions(
    owner, over, 'evicted', reason, coalesce(p.rule, session_id::text), not rejects, p.record_events, agent
  ) < cardinality(over) and rejects;
end
$$;
comment on function supasession._enforce_limit is
'Makes room in its pool for one more session, or returns true if it must be refused; in observe mode only
records that. Ends at most 100: others later. cut_at: sign-in time of the newest that must end, if the user
has one pool only.';

-- Locks: sign-ins of one user take turns on the row in auth.users. An advisory lock would deadlock: a magic
-- link holds that row already, and a password takes it right after. The lock is outside exception blocks:
-- inside, each sign-in would make a MultiXact, and a caught error would release it.
-- Errors: the handlers let the sign-in pass, with a warning. Deadlocks, lock timeouts and cancels go on to
-- Auth, which rolls back. Refusals are raised outside the handlers.
-- Plans: custom ones would be made again each time. With sorting on, the planner sorts all sessions.
create or replace function supasession._limiter() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan set enable_sort = off as $$
declare
  p supasession.policy;
  owner uuid;
  revoked boolean;
  pending boolean;
  refused boolean;
  cut_at timestamptz;
  alone boolean;
  wanted timestamptz;
  now_at timestamptz;
begin
  begin
    owner := new.user_id;
    select
      c.mode = 'observe', null, c.max_sessions, c.strategy, c.eviction_order, c.timebox, c.inactivity_timeout,
      c.low_aal_timeout, c.reject_ignores_idle, c.oauth_clients, c.record_device_changes, c.record_events,
      null, exists (select from supasession.rules)
    into p from supasession.config c where c.enabled;
  exception
    when transaction_rollback or lock_not_available then raise;
    when others then raise warning 'supasession: sign-in of % passed: % (%)', owner, sqlerrm, sqlstate;
  end;
  if not p.observe then
    if current_setting('transaction_isolation') = 'read committed' then
      perform from auth.users u where u.id = owner for no key update;
    else
      -- If the snapshot is older than the last sign-in this fails with 40001, and the caller tries again.
      update auth.users u set id = u.id where u.id = owner;
    end if;
  end if;
  <<decision>>
  begin
    -- First, so that it holds even if what follows fails; after the lock, because revoke_access() holds it.
    revoked := exists (select from supasession.revoked r where r.user_id = owner);
    exit decision when revoked or p.observe is null;
    now_at := clock_timestamp();
    wanted := new.not_after;
    -- A session whose deadline has passed already does not count.
    if new.not_after <= now_at then return new; end if;
    if p.ruled or new.oauth_client_id is not null then
      p := supasession._apply_rule(p, owner, new.oauth_client_id);
    end if;
    -- A statement of its own sees what earlier sign-ins committed. cut_at: the oldest session that may stay,
    -- found by the index on (user_id, created_at) from the newest on, past ended ones: 10 us at 3 sessions,
    -- 100 us at 200,000. That is right if the user has one pool.
    select
      exists (select from auth.mfa_factors f where f.user_id = owner and f.status = 'verified'),
      (
        select coalesce(s.created_at, '-infinity') from auth.sessions s
        where s.user_id = owner
          and (s.not_after is null or s.not_after > now_at)
          and (s.oauth_client_id is null or p.oauth_clients = 'together')
        order by s.created_at desc offset p.max_sessions - 1 limit 1
      )
    into p.mfa, cut_at;
    alone := not p.mfa and new.oauth_client_id is null;
    pending := p.mfa and coalesce(new.aal::text, 'aal1') = 'aal1';
    -- A row that comes by COPY is a restore, not a sign-in.
    if not p.observe and num_nonnulls(p.timebox, p.inactivity_timeout, p.low_aal_timeout) > 0
      and lower(left(current_query(), 4)) <> 'copy' then
      wanted := supasession._deadline(p, pending, coalesce(new.created_at, now_at), now_at);
      if new.not_after is not null then
        wanted := supasession._set_deadline(new.id, new.not_after, wanted);
      end if;
    end if;
    if p.max_sessions is not null and (cut_at is not null or not alone)
      and lower(left(current_query(), 4)) <> 'copy' then
      refused := supasession._enforce_limit(
        p, owner, new.id, new.oauth_client_id, pending, case when alone then cut_at end, new.user_agent
      );
    end if;
    new.not_after := wanted; -- last: after an error above, a deadline of somebody else stays
  exception
    when transaction_rollback or lock_not_available then raise;
    when others then raise warning 'supasession: sign-in of % passed: % (%)', owner, sqlerrm, sqlstate;
  end;
  if refused or revoked and lower(left(current_query(), 4)) <> 'copy' then
    perform supasession._refuse(new.id, case when refused then p.max_sessions end, owner);
  end if;
  return new;
end
$$;
comment on function supasession._limiter is
'Gives a new session its deadline, makes room for it or refuses it: under reject with PT403 "Session limit of
N exceeded for user UUID", unless the hook answers; Auth makes 403 of it for old API versions, else 500.';
