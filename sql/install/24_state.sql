-- What was decided and cannot be told from auth.sessions itself. No foreign keys: a row must not wait for the
-- locks of the session's own. prune() removes what belongs to sessions that are gone.

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
  'Sessions that were in use when they were to be ended: they count as ended, and end at their own refresh';

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
  'Refusals on their way from the insert trigger to access_token_hook(); empty outside of that transaction';

-- Only the owner writes this one: as a setting, service_role could name any function and have it called.
create table if not exists supasession.integration (
  kind text primary key check (kind in ('access_token_hook', 'pre_request')),
  schema_name text not null,
  function_name text not null
);
alter table supasession.integration enable row level security;
comment on table supasession.integration is 'Functions of the project that ours call in turn';

create or replace function supasession._refuse(session_id uuid, max_sessions integer, owner uuid) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  settings supasession.config := supasession.get_config();
  answer text := replace(settings.refusal_message, '{limit}', max_sessions::text);
  message text := format('Session limit of %s exceeded for user %s', max_sessions, owner);
begin
  if max_sessions is null then
    answer := 'Access revoked';
    message := format('Access of user %s is revoked', owner);
  end if;
  if settings.reject_in_hook is not true then
    raise exception using errcode = 'PT403', message = message;
  end if;
  insert into supasession.pending_rejections (session_id, hook_message, trigger_message)
  values (_refuse.session_id, answer, message);
  -- The transaction is going to be rolled back, and this row with it: the server log keeps it.
  raise log 'supasession: %', message;
end
$$;
comment on function supasession._refuse is
'Refuses the session of this transaction, for the limit or (max_sessions null) because access is revoked: with
reject_in_hook by a note for access_token_hook(), else by raising PT403. Called outside of every handler.';

create or replace function supasession._refuse_at_commit() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception using errcode = 'PT403', message = new.trigger_message;
end
$$;
comment on function supasession._refuse_at_commit is
'Raises PT403 at commit if no hook has answered a refusal: fails closed';
