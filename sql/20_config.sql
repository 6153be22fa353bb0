-- The settings: one row, which the project may write by any means. What they must satisfy is said by the table itself.

create table if not exists supasession.config (
    -- Primary key since 0.1.2. It names the layout of this table; the installed release stands in supasession.installation.
    version text primary key,
    enabled boolean not null default false,
    max_sessions integer not null default 1,
    strategy supasession.enforcement_strategy not null default 'dequeue'
);

-- 0.1.2 allowed one row by allowing one version, which no later release could have changed.
alter table supasession.config drop constraint if exists config_version_check;
alter table supasession.config alter column version set default '1.0';
update supasession.config set version = '1.0' where version <> '1.0';
create unique index if not exists config_one_row on supasession.config ((true));

alter table supasession.config
    add column if not exists eviction_order text not null default 'oldest',
    add column if not exists enforce_on_refresh boolean not null default true;

-- Stated again at every run, so that a database of any age ends with the same rules.
alter table supasession.config
    -- A limit of 0 would end every session at its next refresh and refuse every sign-in.
    drop constraint if exists config_max_sessions_check,
    add constraint config_max_sessions_check check (max_sessions > 0),
    drop constraint if exists config_eviction_order_check,
    add constraint config_eviction_order_check check (eviction_order in ('oldest', 'least_recently_used'));

alter table supasession.config enable row level security;

comment on table supasession.config is 'Settings, in one row. Without a row limits are off';
comment on column supasession.config.version is 'Layout of this table (kept from 0.1.2); the installed release is in supasession.installation';
comment on column supasession.config.enabled is 'Whether the limit is enforced';
comment on column supasession.config.max_sessions is 'Limit: most live sessions that a user may have';
comment on column supasession.config.strategy is 'What a sign-in above the limit does: dequeue ends other sessions of the user, reject refuses it';
comment on column supasession.config.eviction_order is
    'Which sessions go first: oldest (by sign-in) or least_recently_used (by last refresh, else sign-in); ties by id';
comment on column supasession.config.enforce_on_refresh is
    'Whether a refresh checks the limit too: a lowered limit then reaches sessions that exist already';

-- The row is made once, with limits off. Where a project has deleted it, limits are off as well, so making it again changes nothing.
insert into supasession.config default values on conflict do nothing;

-- enable() -> void
-- Switches the limit on; makes the row of settings where it is missing.
create or replace function supasession.enable()
returns void
language sql
set search_path = ''
as $$
    insert into supasession.config (enabled) values (true)
    on conflict ((true)) do update set enabled = true;
$$;
comment on function supasession.enable() is 'Switches the limit on';

-- disable() -> void
-- Switches the limit off. Sessions that have been ended stay ended.
create or replace function supasession.disable()
returns void
language sql
set search_path = ''
as $$
    -- The condition is for safeupdate, which refuses an update without one in the Data API.
    update supasession.config set enabled = false where enabled;
$$;
comment on function supasession.disable() is 'Switches the limit off';

-- get_config() -> supasession.config
-- The settings; a row of nulls where there are none.
create or replace function supasession.get_config()
returns supasession.config
language sql
stable
set search_path = ''
as $$
    select c from supasession.config c;
$$;
comment on function supasession.get_config() is 'The settings; a row of nulls where there are none, which means limits off';

-- set_config(enabled, max_sessions, strategy) -> supasession.config
-- Changes the settings that are given (null: left as it is) and returns all of them.
-- Raises 23514 (check_violation) for a limit below 1.
-- These three parameters are the contract with 0.1.2; every other setting is changed by an update of supasession.config.
create or replace function supasession.set_config(
    enabled boolean default null,
    max_sessions integer default null,
    strategy supasession.enforcement_strategy default null
)
returns supasession.config
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
declare
    changed supasession.config;
begin
    insert into supasession.config default values on conflict do nothing;
    update supasession.config c
    set
        enabled = coalesce(set_config.enabled, c.enabled),
        max_sessions = coalesce(set_config.max_sessions, c.max_sessions),
        strategy = coalesce(set_config.strategy, c.strategy)
    where c.version is not null
    returning c.* into changed;
    return changed;
end
$$;
comment on function supasession.set_config(boolean, integer, supasession.enforcement_strategy) is
    'Changes the settings that are given and returns all of them';
