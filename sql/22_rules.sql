-- Other limits for some users, plans or OAuth clients.

create table if not exists supasession.rules (
    name text primary key,
    priority integer not null default 100,
    user_id uuid,
    app_metadata jsonb,
    oauth_client_id uuid,
    max_sessions integer,
    unlimited boolean not null default false,
    strategy supasession.enforcement_strategy,
    timebox interval,
    inactivity_timeout interval,
    no_deadline boolean not null default false
);
-- One rule a user, so that "the user's own rule" is one.
create unique index if not exists rules_user on supasession.rules (user_id) where user_id is not null;
-- The other rules in their order, so that a sign-in does not read past the rules of all other users.
create index if not exists rules_order on supasession.rules (priority, name) where user_id is null;

alter table supasession.rules
    drop constraint if exists rules_name_check,
    add constraint rules_name_check check (name <> ''),
    drop constraint if exists rules_match_check,
    add constraint rules_match_check check (num_nonnulls(user_id, app_metadata, oauth_client_id) = 1),
    -- An empty object is contained in every app_metadata: such a rule would be a second set of settings.
    drop constraint if exists rules_app_metadata_check,
    add constraint rules_app_metadata_check check (jsonb_typeof(app_metadata) = 'object' and app_metadata <> '{}'),
    drop constraint if exists rules_max_sessions_check,
    add constraint rules_max_sessions_check check (max_sessions > 0),
    drop constraint if exists rules_unlimited_check,
    add constraint rules_unlimited_check check (not unlimited or max_sessions is null),
    drop constraint if exists rules_timebox_check,
    add constraint rules_timebox_check check (timebox > interval '0' and timebox <= interval '10 years'),
    drop constraint if exists rules_inactivity_timeout_check,
    add constraint rules_inactivity_timeout_check check (inactivity_timeout > interval '0' and inactivity_timeout <= interval '10 years'),
    drop constraint if exists rules_no_deadline_check,
    add constraint rules_no_deadline_check check (not no_deadline or (timebox is null and inactivity_timeout is null));

alter table supasession.rules enable row level security;

comment on table supasession.rules is
    'Exceptions from the settings: the first that matches applies (a user''s own, then by priority, then by name); what it leaves null is inherited from the settings';
comment on column supasession.rules.name is 'Name, for people and for the history';
comment on column supasession.rules.priority is 'Order among rules that match; the lowest number goes first';
comment on column supasession.rules.user_id is 'Matches this user (one of the three matches is given)';
comment on column supasession.rules.app_metadata is 'Matches users whose app_metadata contains this object, such as {"plan": "pro"}';
comment on column supasession.rules.oauth_client_id is 'Matches sessions of this OAuth client';
comment on column supasession.rules.max_sessions is 'Limit; null: as in the settings';
comment on column supasession.rules.unlimited is 'Whether there is no limit';
comment on column supasession.rules.strategy is 'Strategy; null: as in the settings';
comment on column supasession.rules.timebox is 'Longest life of a session; null: as in the settings';
comment on column supasession.rules.inactivity_timeout is 'Longest time between two refreshes; null: as in the settings';
comment on column supasession.rules.no_deadline is 'Whether sessions have no deadline of ours';

-- _policy(settings, user_id, app_metadata, oauth_client_id) -> one row
-- What applies to a session: the first rule that matches, filled up from the settings.
create or replace function supasession._policy(
    settings supasession.config,
    user_id uuid,
    app_metadata jsonb,
    oauth_client_id uuid
)
returns table (
    rule text,
    unlimited boolean,
    max_sessions integer,
    strategy supasession.enforcement_strategy,
    timebox interval,
    inactivity_timeout interval
)
language plpgsql
stable
rows 1
set search_path = ''
as $$
declare
    first supasession.rules;
begin
    select * into first from supasession.rules m where m.user_id = _policy.user_id;
    if not found then
        select * into first
        from supasession.rules m
        where m.user_id is null and (_policy.app_metadata @> m.app_metadata or m.oauth_client_id = _policy.oauth_client_id)
        order by m.priority, m.name
        limit 1;
    end if;
    rule := first.name;
    unlimited := coalesce(first.unlimited, false);
    max_sessions := coalesce(first.max_sessions, (settings).max_sessions);
    strategy := coalesce(first.strategy, (settings).strategy);
    if first.no_deadline is not true then
        timebox := coalesce(first.timebox, (settings).timebox);
        inactivity_timeout := coalesce(first.inactivity_timeout, (settings).inactivity_timeout);
    end if;
    return next;
end
$$;
comment on function supasession._policy(supasession.config, uuid, jsonb, uuid) is 'The rule that applies to a session, filled up from the settings';

-- policy_for(user_id, oauth_client_id) -> one row, none for a user that is not there
-- Which rule applies to a user's sessions and what it says; rule is null where the settings alone do.
create or replace function supasession.policy_for(user_id uuid, oauth_client_id uuid default null)
returns table (
    rule text,
    unlimited boolean,
    max_sessions integer,
    strategy supasession.enforcement_strategy,
    timebox interval,
    inactivity_timeout interval
)
language sql
stable
security definer
set search_path = ''
as $$
    select p.*
    from auth.users u
    cross join supasession.config c
    cross join lateral supasession._policy(c, u.id, u.raw_app_meta_data, policy_for.oauth_client_id) p
    where u.id = policy_for.user_id;
$$;
comment on function supasession.policy_for(uuid, uuid) is 'Which rule applies to a user, and what it says';
