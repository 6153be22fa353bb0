-- Decisions that auth.sessions cannot hold. No foreign keys: a row here must not wait for a lock on the
-- session. prune() removes rows whose session is gone.

create table if not exists supasession.revoked (
  user_id uuid primary key,
  at timestamptz not null default clock_timestamp(),
  reason text
);
alter table supasession.revoked enable row level security;
comment on table supasession.revoked is 'Users who may not use the app (app_metadata has a copy)';

create table if not exists supasession.pending_ends (
  session_id uuid primary key,
  user_id uuid not null,
  at timestamptz not null default clock_timestamp(),
  reason text
);
create index if not exists pending_ends_user on supasession.pending_ends (user_id);
alter table supasession.pending_ends enable row level security;
comment on table supasession.pending_ends is
  'Sessions that were locked when they had to end: they count as ended, and end at their next refresh';

create table if not exists supasession.foreign_deadlines (
  session_id uuid primary key,
  not_after timestamptz not null
);
alter table supasession.foreign_deadlines enable row level security;
comment on table supasession.foreign_deadlines is
  'Deadlines that somebody else set (Auth for SAML) and that gave way to an earlier one: never exceeded';

create table if not exists supasession.pending_rejections (
  session_id uuid primary key,
  hook_message text not null,
  trigger_message text not null
);
alter table supasession.pending_rejections enable row level security;
comment on table supasession.pending_rejections is
  'Refusals on their way from the insert trigger to access_token_hook(); empty outside that transaction';

-- Only the owner may write it: as a setting, service_role could have any function called.
create table if not exists supasession.integration (
  kind text primary key check (kind in ('access_token_hook', 'pre_request')),
  schema_name text not null,
  function_name text not null
);
alter table supasession.integration enable row level security;
comment on table supasession.integration is 'Functions of the project that supasession calls in turn';

create or replace function supasession._refuse(session_id uuid, max_sessions integer, owner uuid) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  settings supasession.config := supasession.get_config();
  answer text := coalesce(replace(settings.refusal_message, '{limit}', max_sessions::text), 'Access revoked');
  message text := case
    when max_sessions is null then format('Access of user %s is revoked', owner)
    else format('Session limit of %s exceeded for user %s', max_sessions, owner)
  end;
begin
  if settings.reject_in_hook is not true then
    raise exception using errcode = 'PT403', message = message;
  end if;
  insert into supasession.pending_rejections (session_id, hook_message, trigger_message)
  values (_refuse.session_id, answer, message);
  -- The rollback takes this row away; the server log keeps it.
  raise log 'supasession: %', message;
end
$$;
comment on function supasession._refuse is
'Refuses the session of this transaction, for the limit or (max_sessions null) because access is revoked: by a
note for access_token_hook(), else by PT403. Called outside handlers.';

create or replace function supasession._refuse_at_commit() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception using errcode = 'PT403', message = new.trigger_message;
end
$$;
comment on function supasession._refuse_at_commit is
'Raises PT403 at commit if no hook has answered the refusal';
