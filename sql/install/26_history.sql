-- The history: what was ended or changed, and why. A refusal is rolled back, so it is in the log of Postgres
-- only; sign-outs are in the audit log of Auth.

create table if not exists supasession.events (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  -- No check: it would be a tenth of the cost of an eviction.
  kind text not null,
  -- No foreign keys: the history outlives users and sessions, and a sign-in must not wait for their locks.
  user_id uuid,
  session_id uuid,
  reason text,
  caused_by text,
  details jsonb
);
-- BRIN: small, and almost free to maintain, because events arrive in order.
create index if not exists events_at on supasession.events using brin (at);
create index if not exists events_user_at on supasession.events (user_id, at);
create index if not exists events_session on supasession.events (session_id);
alter table supasession.events enable row level security;

comment on table supasession.events is 'History of what supasession did, or would have done in observe mode';

create or replace function supasession._role() returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select coalesce(nullif(current_setting('role', true), 'none'), session_user::text);
$$;
comment on function supasession._role is 'The role that acts, in the Data API that of the request';

create or replace function supasession._trim_history() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Look at the 32 oldest only, by id. Arrays, because the plan of a join would depend on statistics.
  delete from supasession.events e
  where e.id = any (array(
    select o.id from supasession.events o
    where o.id = any (array(select i.id from supasession.events i order by i.id limit 32))
      and o.at < now() - (select max(c.events_retention) from supasession.config c)
    for update skip locked
  ));
end
$$;
comment on function supasession._trim_history is
'Removes 32 events that are past their retention. Called once in 16 events.';

create or replace function supasession._record(
  kind text, user_id uuid, session_id uuid, reason text, caused_by text default null, details jsonb default
  null
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from supasession.config c where not c.record_events)
    or kind like 'would\_%' and exists (
      select from supasession.events e
      where e.user_id = _record.user_id and e.kind = _record.kind and e.at > now() - interval '1 hour'
    ) then
    return;
  end if;
  insert into supasession.events (kind, user_id, session_id, reason, caused_by, details)
  select $1, $2, $3, $4, $5, $6;
  if random() < 0.06 then perform supasession._trim_history(); end if;
exception
  when transaction_rollback or lock_not_available then raise;
  when others then
    raise warning 'supasession: event % of % was not recorded: % (%)', kind, user_id, sqlerrm, sqlstate;
end
$$;
comment on function supasession._record is
'Adds an event, unless the settings say not to; would_* events once per user, kind and hour. A failure costs
only the event.';

create or replace function supasession._on_settings_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
  after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
begin
  -- Nobody chose the seeded row, and a restore brings its own history.
  if before is distinct from after
    and coalesce(after, before) ->> 'version' not like 'seeded%' is not false
    and lower(left(current_query(), 4)) <> 'copy' then
    perform supasession._record(
      case tg_table_name when 'config' then 'settings_changed' else 'rules_changed' end,
      null, null, lower(tg_op), supasession._role(), jsonb_build_object('old', before, 'new', after)
    );
  end if;
  return null;
end
$$;
comment on function supasession._on_settings_change is 'Records who changed settings or rules';

-- Earlier builds of 1.0.0 had these.
drop function if exists supasession._end_sessions(uuid, uuid[], text, text, text, boolean, boolean),
  supasession._enforce_limit(supasession.policy, uuid, uuid, uuid, boolean, timestamptz),
  supasession._evict_pool, supasession._expire_pool, supasession._last_used;

create or replace function supasession._end_sessions(
  owner uuid, ids uuid[], kind text, reason text, caused_by text, defer boolean, record boolean, agent text
) returns integer
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  ended integer := 0;
  deferred uuid[];
  details jsonb;
begin
  begin
    if record then
      if agent <> '' then
        details := jsonb_build_object('device', supasession.device_label(agent));
      end if;
      with gone as (
        delete from auth.sessions s
        where s.ctid = any (array(
          select v.ctid from auth.sessions v where v.id = any (ids) for update skip locked
        ))
        returning s.id
      )
      insert into supasession.events (kind, user_id, session_id, reason, caused_by, details)
      select kind, owner, g.id, reason, caused_by, details from gone g;
      get diagnostics ended = row_count;
      if random() < 0.06 then perform supasession._trim_history(); end if;
    end if;
  exception
    when transaction_rollback or lock_not_available then raise;
    when others then
      raise warning 'supasession: % (%)', sqlerrm, sqlstate;
      record := false;
  end;
  if not record then
    delete from auth.sessions s
    where s.ctid = any (array(
      select v.ctid from auth.sessions v where v.id = any (ids) for update skip locked
    ));
    get diagnostics ended = row_count;
  end if;
  if defer and ended < cardinality(ids) then
    with noted as (
      insert into supasession.pending_ends (session_id, user_id, reason)
      select s.id, owner, _end_sessions.reason from auth.sessions s where s.id = any (ids)
      on conflict do nothing
      returning session_id
    )
    select array_agg(n.session_id) into deferred from noted n;
    if record then
      perform supasession._record(kind, owner, d, reason, caused_by, details) from unnest(deferred) d;
    end if;
  end if;
  return ended + coalesce(cardinality(deferred), 0);
end
$$;
comment on function supasession._end_sessions is
'Ends sessions of a user whose row is locked, and returns how many. Never waits for a locked one, which would
deadlock: with defer notes it in pending_ends, else leaves it. agent: user agent of the device that causes it.
If the history fails, they end all the same.';
