-- Which limit applies to a session. Sign-ins and requests call PL/pgSQL only, which keeps its plans; a
-- function in SQL with a SET clause is planned again at each call.

create or replace function supasession._apply_rule(p supasession.policy, owner uuid, client uuid)
returns supasession.policy
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  r supasession.rules;
begin
  select o.* into r from supasession.rules o where o.user_id = owner;
  if not found then
    select o.* into r from supasession.rules o
    left join auth.users u on u.id = owner
    where o.user_id is null and (u.raw_app_meta_data @> o.app_metadata or o.oauth_client_id = client)
    order by o.priority, o.name limit 1;
  end if;
  if found then
    p.rule := r.name;
    p.max_sessions := case when not r.unlimited then coalesce(r.max_sessions, p.max_sessions) end;
    p.strategy := coalesce(r.strategy, p.strategy);
    p.timebox := case when not r.no_deadline then coalesce(r.timebox, p.timebox) end;
    p.inactivity_timeout :=
      case when not r.no_deadline then coalesce(r.inactivity_timeout, p.inactivity_timeout) end;
  end if;
  -- With ignore, a session of an OAuth client has no limit.
  if client is not null and p.oauth_clients = 'ignore' then p.max_sessions := null; end if;
  return p;
end
$$;
comment on function supasession._apply_rule is
'The settings with the first rule that matches: the user''s own, else by priority and name';

create or replace function supasession._policy(owner uuid) returns supasession.policy
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  p supasession.policy;
begin
  select
    c.mode = 'observe', null, c.max_sessions, c.strategy, c.eviction_order, c.timebox,
    c.inactivity_timeout, c.low_aal_timeout, c.reject_ignores_idle, c.oauth_clients,
    c.record_device_changes, c.record_events,
    exists (select from auth.mfa_factors f where f.user_id = owner and f.status = 'verified'),
    exists (select from supasession.rules)
  into p
  from supasession.config c where c.enabled;
  return p;
end
$$;
comment on function supasession._policy is
'The settings for a user, without rules; all null while limits are off';

create or replace function supasession._deadline(
  p supasession.policy, pending boolean, created_at timestamptz, last_used timestamptz
) returns timestamptz
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return date_trunc(
    'second',
    least(
      created_at + p.timebox,
      last_used + p.inactivity_timeout,
      case when pending then created_at + p.low_aal_timeout end
    )
  ) + interval '0.271828 seconds';
end
$$;
comment on function supasession._deadline is
'The deadline that the settings give a session, or null. Its .271828 seconds tell it from one of somebody
else, also after a restore.';

create or replace function supasession._due(
  p supasession.policy, pending boolean, created_at timestamptz, last_used timestamptz, now_at timestamptz
) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return case
    when supasession._deadline(p, pending, coalesce(created_at, now_at), last_used) <= now_at then
      case
        when last_used + p.inactivity_timeout <= now_at + interval '1 second' then 'inactivity'
        when created_at + p.timebox <= now_at + interval '1 second' then 'timebox'
        else 'second factor missing'
      end
  end;
end
$$;
comment on function supasession._due is
'Why a session is past the deadline of the settings (inactivity, timebox, second factor missing), or null';

create or replace function supasession._set_deadline(session_id uuid, present timestamptz, wanted timestamptz)
returns timestamptz
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if present is null then return wanted; end if;
  if present = date_trunc('second', present) + interval '0.271828 seconds' then
    return least(
      wanted,
      (select f.not_after from supasession.foreign_deadlines f where f.session_id = _set_deadline.session_id)
    );
  end if;
  if wanted < present then
    insert into supasession.foreign_deadlines as f (session_id, not_after)
    values (_set_deadline.session_id, present)
    on conflict on constraint foreign_deadlines_pkey
      do update set not_after = least(f.not_after, excluded.not_after);
    return wanted;
  end if;
  return present;
end
$$;
comment on function supasession._set_deadline is
'The deadline that a session gets, from the present and the wanted one (null: none). One of somebody else is
only made earlier, and kept in foreign_deadlines meanwhile.';
