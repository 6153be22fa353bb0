-- Existing sessions: applying the settings to them, and removing ended ones.

create or replace function supasession._enforce_pool(
  p supasession.policy, owner uuid, client uuid, pending boolean, step integer, room integer,
  out tried integer, out evicted integer, out expired integer, out deadlines integer
)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  now_at constant timestamptz := clock_timestamp();
  over uuid[];
  due record;
begin
  evicted := 0; expired := 0; deadlines := 0;
  if step = 1 then
    over := array(
      select s.id
      from supasession._over_limit(
        p, owner, null, client, pending, room,
        case when p.strategy = 'reject' and not pending then now_at - p.reject_ignores_idle end
      ) o
      join auth.sessions s on s.id = any (o.over) and s.oauth_client_id is not distinct from client
      cross join lateral (
        select coalesce(s.refreshed_at at time zone 'UTC', s.created_at, '-infinity')
      ) u (last_used)
      where supasession._due(p, pending, s.created_at, u.last_used, now_at) is null
    );
    tried := cardinality(over);
    evicted := supasession._end_sessions(
      owner, over, 'evicted', format('limit of %s, by enforce()', p.max_sessions), p.rule, false,
      p.record_events, null
    );
    return;
  end if;
  for due in
    update auth.sessions s
    set not_after = case
      when d.ends is null then supasession._set_deadline(s.id, s.not_after, d.wanted) else now_at
    end
    from (
      select h.id, w.wanted, supasession._due(p, pending, h.created_at, u.last_used, now_at) as ends
      from auth.sessions h
      cross join lateral (
        select coalesce(h.refreshed_at at time zone 'UTC', h.created_at, '-infinity')
      ) u (last_used)
      cross join lateral (
        select supasession._deadline(p, pending, coalesce(h.created_at, now_at), u.last_used)
      ) w (wanted)
      where h.user_id = owner
        and (h.not_after is null or h.not_after > now_at)
        and h.oauth_client_id is not distinct from client
        and (not p.mfa or (coalesce(h.aal::text, 'aal1') = 'aal1') = pending)
        and not exists (select from supasession.pending_ends e where e.session_id = h.id)
        and w.wanted < coalesce(h.not_after, 'infinity')
      limit room for update of h skip locked
    ) d
    where s.id = d.id
    returning s.id, d.ends
  loop
    if due.ends is null then
      deadlines := deadlines + 1;
    else
      expired := expired + 1;
      perform supasession._record('expired', owner, due.id, due.ends || ', by enforce()', p.rule);
    end if;
  end loop;
  tried := expired + deadlines;
end
$$;
comment on function supasession._enforce_pool is
'For one user, OAuth client and factor: ends sessions over the limit (step 1), or past a deadline, and moves
deadlines (2); at most so many (room). Leaves locked ones and, under reject, idle ones.';

create or replace function supasession.enforce(batch integer default 1000, after uuid default null)
returns table (
  users integer, evicted integer, expired integer, deadlines integer, skipped integer, last_user uuid
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  settings supasession.policy;
  p supasession.policy;
  owner uuid;
  pool record;
  done record;
  room integer := 5000;
begin
  users := 0; evicted := 0; expired := 0; deadlines := 0; skipped := 0;
  for owner in
    select s.user_id from auth.sessions s
    where enforce.after is null or s.user_id > enforce.after group by s.user_id
    order by s.user_id limit batch
  loop
    settings := supasession._policy(owner);
    exit when settings.observe is not false;
    perform from auth.users u where u.id = owner for no key update skip locked;
    if found then
      for pool in
        select distinct
          step, s.oauth_client_id as client,
          settings.mfa and coalesce(s.aal::text, 'aal1') = 'aal1' as pending
        from auth.sessions s, generate_series(1, 2) step
        where s.user_id = owner and (s.not_after is null or s.not_after > clock_timestamp())
        order by step -- the limit first: a session past its deadline counts until its refresh
      loop
        p := supasession._apply_rule(settings, owner, pool.client);
        continue when pool.step = 1 and p.max_sessions is null;
        done := supasession._enforce_pool(p, owner, pool.client, pool.pending, pool.step, room);
        evicted := evicted + done.evicted;
        expired := expired + done.expired;
        deadlines := deadlines + done.deadlines;
        room := room - done.tried;
        exit when room <= 0;
      end loop;
      -- The next call starts with this user again.
      exit when room <= 0;
    else
      skipped := skipped + 1;
    end if;
    users := users + 1;
    last_user := owner;
  end loop;
  if room <= 0 then
    last_user := coalesce(last_user, enforce.after, '00000000-0000-0000-0000-000000000000');
  elsif users < batch then
    last_user := null;
  end if;
  return next;
end
$$;
comment on function supasession.enforce is
'Applies settings and rules to the next users, by id, until so many users or 5,000 sessions: call again with
after => last_user until that is null. Skips users who are signing in. Does nothing with limits off or in
observe mode.';

create or replace function supasession.prune(older_than interval, batch integer default 1000) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  before constant timestamptz := clock_timestamp() - older_than;
  removed integer;
begin
  if older_than is null or older_than <= interval '0' then
    raise exception 'older_than must be positive' using errcode = 'invalid_parameter_value';
  end if;
  delete from auth.sessions d
  where d.id in (
    select s.id from auth.sessions s
    where s.not_after < before
      or coalesce(s.refreshed_at at time zone 'UTC', s.created_at, '-infinity') < before
    limit batch for update skip locked
  );
  get diagnostics removed = row_count;
  delete from supasession.foreign_deadlines d
  where d.session_id in (
    select f.session_id from supasession.foreign_deadlines f
    where not exists (select from auth.sessions s where s.id = f.session_id) limit batch
  );
  delete from supasession.pending_ends d
  where d.session_id in (
    select e.session_id from supasession.pending_ends e
    where not exists (select from auth.sessions s where s.id = e.session_id) limit batch
  );
  delete from supasession.events d
  where d.id in (
    select e.id from supasession.events e
    where e.at < now() - (select events_retention from supasession.get_config()) limit batch
  );
  return removed;
end
$$;
comment on function supasession.prune is
'Removes a batch of sessions that ended, or were last used, longer ago than older_than, and old notes and
events; returns how many. Raises 22023 for a span that is not positive.';
