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
    add column if not exists enforce_on_refresh boolean not null default true,
    add column if not exists mode text not null default 'enforce',
    add column if not exists on_error text not null default 'allow',
    add column if not exists timebox interval,
    add column if not exists inactivity_timeout interval,
    add column if not exists reject_ignores_idle interval default '7 days',
    add column if not exists reject_in_hook boolean not null default false,
    add column if not exists refusal_message text not null default 'Session limit of {limit} reached',
    add column if not exists recovery_makes_room boolean not null default false,
    add column if not exists low_aal_timeout interval default '15 minutes',
    add column if not exists count_pending_mfa boolean not null default false,
    add column if not exists oauth_clients text not null default 'ignore',
    add column if not exists block_revoked boolean not null default true,
    add column if not exists end_on_password_change boolean not null default false,
    add column if not exists end_on_ban boolean not null default false,
    add column if not exists end_on_delete boolean not null default false,
    add column if not exists on_device_change text not null default 'ignore',
    add column if not exists record_events boolean not null default true,
    add column if not exists events_retention interval not null default '30 days';

-- Stated again at every run, so that a database of any age ends with the same rules.
alter table supasession.config
    -- A limit of 0 would end every session at its next refresh and refuse every sign-in.
    drop constraint if exists config_max_sessions_check,
    add constraint config_max_sessions_check check (max_sessions > 0),
    drop constraint if exists config_eviction_order_check,
    add constraint config_eviction_order_check check (eviction_order in ('oldest', 'least_recently_used')),
    drop constraint if exists config_mode_check,
    add constraint config_mode_check check (mode in ('enforce', 'observe')),
    drop constraint if exists config_on_error_check,
    add constraint config_on_error_check check (on_error in ('allow', 'refuse')),
    -- Ten years stand for "somebody took seconds for hours".
    drop constraint if exists config_timebox_check,
    add constraint config_timebox_check check (timebox > interval '0' and timebox <= interval '10 years'),
    drop constraint if exists config_inactivity_timeout_check,
    add constraint config_inactivity_timeout_check check (inactivity_timeout > interval '0' and inactivity_timeout <= interval '10 years'),
    drop constraint if exists config_reject_ignores_idle_check,
    add constraint config_reject_ignores_idle_check check (reject_ignores_idle > interval '0' and reject_ignores_idle <= interval '10 years'),
    drop constraint if exists config_low_aal_timeout_check,
    add constraint config_low_aal_timeout_check check (low_aal_timeout > interval '0' and low_aal_timeout <= interval '10 years'),
    drop constraint if exists config_refusal_message_check,
    add constraint config_refusal_message_check check (refusal_message <> ''),
    drop constraint if exists config_oauth_clients_check,
    add constraint config_oauth_clients_check check (oauth_clients in ('ignore', 'separate', 'together')),
    drop constraint if exists config_on_device_change_check,
    add constraint config_on_device_change_check check (on_device_change in ('ignore', 'record')),
    drop constraint if exists config_events_retention_check,
    add constraint config_events_retention_check check (events_retention > interval '0' and events_retention <= interval '10 years');

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
comment on column supasession.config.mode is
    'enforce, or observe: nothing is ended, refused or given a deadline, and what would have been goes to supasession.events';
comment on column supasession.config.on_error is
    'What a failure around a decision does (rules, events, reading settings): allow (warn and go on) or refuse';
comment on column supasession.config.timebox is 'Longest life of a session from its sign-in; null: no such deadline';
comment on column supasession.config.inactivity_timeout is 'Longest time between two refreshes of a session; null: no such deadline';
comment on column supasession.config.reject_ignores_idle is
    'Under reject: sessions without sign-in or refresh for longer neither count nor protect themselves; null: all count';
comment on column supasession.config.reject_in_hook is
    'Whether a refusal is left to access_token_hook(), which answers 403 with a message; unless Auth calls it such a sign-in fails with 500';
comment on column supasession.config.refusal_message is 'Message of that 403; {limit} stands for the limit';
comment on column supasession.config.recovery_makes_room is
    'Under reject: whether a sign-in by recovery or magic link ends the first session instead of being refused';
comment on column supasession.config.low_aal_timeout is
    'Deadline of a session at aal1 of a user with a verified second factor; taken off at aal2; null: no such deadline';
comment on column supasession.config.count_pending_mfa is
    'Whether sessions at aal1 of users with a verified second factor count like any other, instead of in a pool of their own';
comment on column supasession.config.oauth_clients is
    'Sessions of OAuth clients: ignore (no limit), separate (a limit for each client) or together (like any other)';
comment on column supasession.config.block_revoked is
    'Whether users in supasession.revoked are refused at sign-in and ended at refresh; independent of enabled';
comment on column supasession.config.end_on_password_change is
    'Whether a password that is changed by anybody but Auth ends the sessions of its user';
comment on column supasession.config.end_on_ban is 'Whether setting banned_until ends the sessions of that user';
comment on column supasession.config.end_on_delete is 'Whether setting deleted_at ends the sessions of that user';
comment on column supasession.config.on_device_change is
    'What a refresh from another browser family or system does: ignore, or record an event';
comment on column supasession.config.record_events is 'Whether supasession.events is written';
comment on column supasession.config.events_retention is 'How long events are kept';

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
