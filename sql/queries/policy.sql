-- Which rule applies to the sessions of a user, and what it says together with the settings; where supasession is installed.
-- $1 user (uuid), $2 OAuth client (uuid or null). One row; none for a user that does not exist.
select
  p.rule, p.max_sessions is null as unlimited, coalesce(p.max_sessions, c.max_sessions) as max_sessions, p.strategy,
  p.timebox, p.inactivity_timeout
from auth.users u
cross join supasession.get_config() c
cross join lateral supasession._apply_rule(
  -- What the rule says, also for a client whose sessions are not counted.
  jsonb_populate_record(null::supasession.policy, to_jsonb(c) || '{"oauth_clients": "together"}'), u.id, $2::uuid
) p
where u.id = $1::uuid
