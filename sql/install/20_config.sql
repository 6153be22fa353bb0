-- The settings: one row, which the project may write by any means.

create table if not exists supasession.config (
  -- The primary key since 0.1.2. It names the layout of this table.
  version text primary key,
  enabled boolean not null default false,
  max_sessions integer not null default 1,
  strategy supasession.enforcement_strategy not null default 'dequeue'
);

-- 0.1.2 allowed one row by allowing one version only.
alter table supasession.config
  drop constraint if exists config_version_check,
  alter column version set default '1.0',
  -- A limit of 0 would end every session at its next refresh and refuse every sign-in.
  drop constraint if exists config_max_sessions_check,
  add constraint config_max_sessions_check check (max_sessions > 0),
  add column if not exists eviction_order text not null default 'oldest'
    check (eviction_order in ('oldest', 'least_recently_used')),
  add column if not exists mode text not null default 'enforce' check (mode in ('enforce', 'observe')),
  -- More than ten years is a mistake of the unit.
  add column if not exists timebox interval check (timebox between '1us' and '10 years'),
  add column if not exists inactivity_timeout interval
    check (inactivity_timeout between '1us' and '10 years'),
  add column if not exists low_aal_timeout interval check (low_aal_timeout between '1us' and '10 years'),
  add column if not exists reject_in_hook boolean not null default false,
  add column if not exists refusal_message text not null default 'Session limit of {limit} reached'
    check (refusal_message <> ''),
  add column if not exists reject_ignores_idle interval default '7 days'
    check (reject_ignores_idle between '1us' and '10 years'),
  add column if not exists oauth_clients text not null default 'ignore'
    check (oauth_clients in ('ignore', 'separate', 'together')),
  add column if not exists record_device_changes boolean not null default false,
  add column if not exists record_events boolean not null default true,
  add column if not exists events_retention interval not null default '30 days'
    check (events_retention between '1us' and '10 years');
update supasession.config set version = '1.0' where version = '0.1.2';

-- The row that an installation starts with is marked by its version: the first one that is inserted or
-- restored replaces it. Not a constant, so that it cannot collide with one in a dump.
create unique index if not exists config_one_row on supasession.config ((true))
  where version not like 'seeded%';
insert into supasession.config (version)
select 'seeded ' || clock_timestamp() where not exists (select from supasession.config);
alter table supasession.config enable row level security;
comment on table supasession.config is 'Settings, in one row. Without a row limits are off';

create or replace function supasession._on_settings_write() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if coalesce(old.version, new.version) like 'seeded%'
    and exists (select from supasession.config c where c.version not like 'seeded%') then
    return null;
  end if;
  if tg_op = 'INSERT' then
    delete from supasession.config c where c.version like 'seeded%';
  elsif old.version like 'seeded%' and new is distinct from old then
    new.version := '1.0';
  end if;
  return new;
end
$$;
comment on function supasession._on_settings_write is 'Replaces the row of settings that nobody has chosen';

-- A restore without triggers leaves the seeded row beside the restored one.
create or replace function supasession.get_config() returns supasession.config
language sql stable set search_path = pg_catalog, pg_temp as $$
  select c from supasession.config c order by c.version like 'seeded%' limit 1;
$$;
comment on function supasession.get_config is 'The settings; all null if the row has been deleted';

create or replace function supasession.set_config(
  enabled boolean default null, max_sessions integer default null, strategy supasession.enforcement_strategy
  default null
) returns supasession.config
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  settings supasession.config;
begin
  insert into supasession.config default values on conflict do nothing;
  update supasession.config c
  set
    enabled = coalesce(set_config.enabled, c.enabled),
    max_sessions = coalesce(set_config.max_sessions, c.max_sessions),
    strategy = coalesce(set_config.strategy, c.strategy)
  where c.version not like 'seeded%'
  returning c.* into settings;
  return settings;
end
$$;
comment on function supasession.set_config is
'Changes the settings that are given (null: unchanged), makes the row if it is missing, and returns it.
Parameters as in 0.1.2: update the table for all else. Raises 23514 for a limit below 1.';

create or replace function supasession.enable() returns void
language sql set search_path = pg_catalog, pg_temp as $$
  select supasession.set_config(enabled => true);
$$;
comment on function supasession.enable is 'Switches limits and deadlines on';

create or replace function supasession.disable() returns void
language sql set search_path = pg_catalog, pg_temp as $$
  select supasession.set_config(enabled => false);
$$;
comment on function supasession.disable is
'Switches limits and deadlines off; deadlines that supasession gave go at the next refresh';
