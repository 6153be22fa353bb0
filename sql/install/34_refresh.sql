-- A refresh moves the deadline on, and ends the session if it must end.

create or replace function supasession._lock_user(owner uuid, patience interval) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  give_up constant timestamptz := clock_timestamp() + patience;
begin
  loop
    perform from auth.users u where u.id = owner for no key update skip locked;
    if found then return true; end if;
    if clock_timestamp() > give_up or not exists (select from auth.users u where u.id = owner) then
      return false;
    end if;
    -- Seconds. A sign-in holds the row for a few milliseconds.
    perform pg_sleep(0.005);
  end loop;
end
$$;
comment on function supasession._lock_user is
'Tries to lock the row of a user for so long. Never queues: a refresh holds its session, a password change
holds the user and wants that session.';

create or replace function supasession._is_over(
  p supasession.policy, owner uuid, session_id uuid, client uuid, pending boolean, created_at timestamptz,
  last_used timestamptz
) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  now_at constant timestamptz := clock_timestamp();
  rejects constant boolean := p.strategy = 'reject' and not pending;
  idle_before constant timestamptz := case when rejects then now_at - p.reject_ignores_idle end;
  by_use constant boolean := p.eviction_order = 'least_recently_used';
  -- A session that was idle until now ranks after every active one.
  idle constant boolean := coalesce(last_used < idle_before, false);
begin
  if by_use or rejects or created_at is null then
    perform from auth.sessions s
    where s.user_id = owner
      and s.id <> _is_over.session_id
      and (s.not_after is null or s.not_after > now_at)
      and (p.oauth_clients = 'together' or s.oauth_client_id is not distinct from client)
      and (not p.mfa or (coalesce(s.aal::text, 'aal1') = 'aal1') = pending)
      and not exists (select from supasession.pending_ends e where e.session_id = s.id)
      and (coalesce(s.refreshed_at at time zone 'UTC', s.created_at, '-infinity') < idle_before) is not true
      and case
        when idle then true
        when by_use then (coalesce(s.refreshed_at at time zone 'UTC', s.created_at, '-infinity'), s.id)
          > (last_used, _is_over.session_id)
        else (coalesce(s.created_at, '-infinity'), s.id)
          > (coalesce(_is_over.created_at, '-infinity'), _is_over.session_id)
      end
    offset p.max_sessions - 1 limit 1;
  else
    perform from auth.sessions s
    where s.user_id = owner
      and (s.created_at, s.id) > (_is_over.created_at, _is_over.session_id)
      and (s.not_after is null or s.not_after > now_at)
      and (p.oauth_clients = 'together' or s.oauth_client_id is not distinct from client)
      and (not p.mfa or (coalesce(s.aal::text, 'aal1') = 'aal1') = pending)
      and not exists (select from supasession.pending_ends e where e.session_id = s.id)
    order by s.created_at
    offset p.max_sessions - 1 limit 1;
  end if;
  return found;
end
$$;
comment on function supasession._is_over is
'Whether a session is over the limit of its pool. created_at, last_used: before the refresh that asks. Stops
at as many before it as the limit allows.';

create or replace function supasession._refreshed(
  p supasession.policy, owner uuid, session_id uuid, client uuid, pending boolean, created_at timestamptz,
  last_used timestamptz, present timestamptz, ranked boolean
) returns timestamptz
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  now_at constant timestamptz := clock_timestamp();
  kind text;
  reason text;
begin
  reason := supasession._due(p, pending, created_at, last_used, now_at);
  if reason is not null then
    kind := case when p.observe then 'would_expire' else 'expired' end;
  elsif ranked and p.max_sessions is not null
    and supasession._is_over(p, owner, session_id, client, pending, created_at, last_used) then
    kind := case when p.observe then 'would_evict' else 'evicted' end;
    reason := format('limit of %s, at refresh', p.max_sessions);
  end if;
  if kind is not null then
    perform supasession._record(kind, owner, session_id, reason, p.rule);
    if not p.observe then return least(present, now_at); end if;
  end if;
  return supasession._set_deadline(
    session_id, present,
    case when not p.observe then supasession._deadline(p, pending, coalesce(created_at, now_at), now_at) end
  );
end
$$;
comment on function supasession._refreshed is
'The deadline of a session after a refresh: now, if it ends, which is recorded. last_used: before this
refresh; present: its deadline; ranked: whether to apply the limit.';

-- As _limiter(), but it never queues for the user's row: without that lock it only moves the deadline.
create or replace function supasession._on_refresh() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan set enable_sort = off as $$
declare
  p supasession.policy;
  owner uuid;
  rises boolean;
  revoked boolean;
  ended boolean;
  known boolean := false;
  locked boolean := true;
  pending boolean;
  refused boolean;
  wanted timestamptz;
  now_at timestamptz := clock_timestamp();
begin
  begin
    owner := new.user_id;
    rises := coalesce(new.aal::text, 'aal1') > coalesce(old.aal::text, 'aal1');
    -- An ended session stays ended.
    if old.not_after <= now_at
      or not rises and new.refreshed_at is not distinct from old.refreshed_at then
      return new;
    end if;
    p := supasession._policy(owner);
    if p.ruled or new.oauth_client_id is not null then
      p := supasession._apply_rule(p, owner, new.oauth_client_id);
    end if;
    known := true;
  exception
    when transaction_rollback or lock_not_available then raise;
    when others then raise warning 'supasession: refresh of % passed: % (%)', new.id, sqlerrm, sqlstate;
  end;
  if not p.observe then
    locked := supasession._lock_user(owner, '500 milliseconds');
    if not locked and rises and p.strategy = 'reject' and p.max_sessions is not null then
      raise exception 'user % is locked by another request', owner using errcode = 'lock_not_available';
    end if;
  end if;
  -- Decisions made elsewhere, each in a block of its own, so that one holds even if the other fails.
  begin
    revoked := exists (select from supasession.revoked r where r.user_id = owner);
  exception
    when transaction_rollback or lock_not_available then raise;
    when others then raise warning 'supasession: refresh of % passed: % (%)', new.id, sqlerrm, sqlstate;
  end;
  begin
    delete from supasession.pending_ends e where e.session_id = new.id;
    ended := found;
  exception
    when transaction_rollback or lock_not_available then raise;
    when others then raise warning 'supasession: refresh of % passed: % (%)', new.id, sqlerrm, sqlstate;
  end;
  if revoked or ended then new.not_after := least(new.not_after, clock_timestamp()); end if;
  if revoked or ended or not known then return new; end if;
  begin
    if p.observe is null then
      -- Limits off: remove the deadline of supasession, because nothing would move it on.
      new.not_after := supasession._set_deadline(new.id, new.not_after, null);
      return new;
    end if;
    p.mfa := exists (select from auth.mfa_factors f where f.user_id = owner and f.status = 'verified');
    pending := p.mfa and coalesce(new.aal::text, 'aal1') = 'aal1';
    wanted := supasession._refreshed(
      p, owner, new.id, new.oauth_client_id, pending, new.created_at,
      coalesce(old.refreshed_at at time zone 'UTC', old.created_at, '-infinity'), new.not_after,
      locked and not rises
    );
    if p.record_device_changes and new.user_agent is distinct from old.user_agent then
      perform supasession._record('device_changed', owner, new.id, concat_ws(' -> ', d.before, d.after))
      from (
        select supasession.device_label(old.user_agent), supasession.device_label(new.user_agent)
      ) d (before, after)
      where d.before <> d.after;
    end if;
    refused := rises and locked and p.mfa and coalesce(old.aal::text, 'aal1') = 'aal1'
      and p.max_sessions is not null
      and (wanted is null or wanted > clock_timestamp())
      and supasession._enforce_limit(p, owner, new.id, new.oauth_client_id, pending, null, new.user_agent);
    new.not_after := wanted; -- last, as in _limiter()
  exception
    when transaction_rollback or lock_not_available then raise;
    when others then raise warning 'supasession: refresh of % passed: % (%)', new.id, sqlerrm, sqlstate;
  end;
  if refused then perform supasession._refuse(new.id, p.max_sessions, owner); end if;
  return new;
end
$$;
comment on function supasession._on_refresh is
'When refreshed_at changes or aal rises: moves the deadline on, and ends the session (not_after = now) if it
must end. A rising one enters another pool, as at a sign-in: PT403 if that is refused (or the hook answers),
55P03 if, under reject, it cannot lock the user.';
