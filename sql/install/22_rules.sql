-- Rules: other limits for some users, plans or OAuth clients.

create table if not exists supasession.rules (
  name text primary key check (name <> ''),
  priority integer not null default 100,
  user_id uuid,
  -- Every app_metadata contains the empty object: such a rule would be a second set of settings.
  app_metadata jsonb check (jsonb_typeof(app_metadata) = 'object' and app_metadata <> '{}'),
  oauth_client_id uuid,
  max_sessions integer check (max_sessions > 0),
  unlimited boolean not null default false,
  strategy supasession.enforcement_strategy,
  timebox interval check (timebox between '1us' and '10 years'),
  inactivity_timeout interval check (inactivity_timeout between '1us' and '10 years'),
  no_deadline boolean not null default false,
  constraint rules_match_check check (num_nonnulls(user_id, app_metadata, oauth_client_id) = 1),
  constraint rules_unlimited_check check (not unlimited or max_sessions is null),
  constraint rules_no_deadline_check
    check (not no_deadline or num_nonnulls(timebox, inactivity_timeout) = 0)
);
-- At most one rule for a user.
create unique index if not exists rules_user on supasession.rules (user_id) where user_id is not null;
-- A sign-in does not read the rules for other users.
create index if not exists rules_order on supasession.rules (priority, name) where user_id is null;
alter table supasession.rules enable row level security;

comment on table supasession.rules is
  'Exceptions from the settings. The first that matches applies: a user''s own, then by priority and name';
