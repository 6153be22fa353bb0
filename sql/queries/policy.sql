-- The rule that applies to the sessions of a user, and the policy that it and the settings make. Needs an installation.
-- $1 user (uuid), $2 OAuth client (uuid or null). One row; none if the user does not exist.
select
  p.rule, p.max_sessions is null as unlimited, coalesce(p.max_sessions, c.max_sessions) as max_sessions, p.strategy,
  p.timebox, p.inactivity_timeout
from auth.users u
cross join supasession.get_config() c
cross join lateral supasession._apply_rule(
  -- Shows the rule also for a client whose sessions do not count.
  jsonb_populate_record(null::supasession.policy, to_jsonb(c) || '{"oauth_clients": "together"}'), u.id, $2::uuid
) p
where u.id = $1::uuid
