-- What the columns mean.
do $$
declare
  c record;
begin
  for c in select t.key as relation, m.key as name, m.value as meaning from jsonb_each('{
"config": {
  "version": "Layout of this table; seeded until a setting is chosen",
  "enabled": "Whether limits and deadlines are enforced",
  "max_sessions": "Limit: the most live sessions that a user may have",
  "strategy": "What a sign-in over the limit does: dequeue ends other sessions, reject refuses it",
  "eviction_order": "Which end first: oldest (by sign-in) or least_recently_used (by last refresh)",
  "mode": "enforce, or observe: nothing is ended, refused or given a deadline, only recorded",
  "timebox": "Longest life of a session from its sign-in; null: none",
  "inactivity_timeout": "Longest time between two refreshes; null: none",
  "low_aal_timeout": "Longest life of a session without the second factor of its user; null: none",
  "reject_in_hook": "Whether access_token_hook(), which Auth must call, answers a refusal, with 403",
  "refusal_message": "Message of that 403; {limit} stands for the limit",
  "reject_ignores_idle": "Under reject: sessions unused for longer do not count; null: all count",
  "oauth_clients": "Sessions of OAuth clients: ignore (no limit), separate (a limit for each) or together",
  "record_device_changes": "Whether a refresh with another device_label() is recorded",
  "record_events": "Whether the history is kept",
  "events_retention": "How long events are kept"
}, "rules": {
  "name": "Name, also in the history",
  "priority": "Order among rules that match; the lowest goes first",
  "user_id": "Matches this user (one of the three is given)",
  "app_metadata": "Matches users whose app_metadata contains this object",
  "oauth_client_id": "Matches sessions of this OAuth client",
  "max_sessions": "Limit; null: as in the settings", "unlimited": "Whether there is no limit",
  "strategy": "Strategy; null: as in the settings",
  "timebox": "Longest life of a session; null: as in the settings",
  "inactivity_timeout": "Longest time between refreshes; null: as in the settings",
  "no_deadline": "Whether there is neither timebox nor inactivity timeout"
},
"revoked": {"user_id": "The user", "at": "Since when", "reason": "Why"},
"pending_ends": {
  "session_id": "The session", "user_id": "Its user", "at": "When it was to be ended", "reason": "Why"
},
"foreign_deadlines": {"session_id": "The session", "not_after": "What auth.sessions.not_after was"},
"pending_rejections": {
  "session_id": "The session that is refused", "hook_message": "What the hook answers",
  "trigger_message": "What is raised if no hook answers"
}, "integration": {
  "kind": "What calls it: access_token_hook() or check_request()",
  "schema_name": "Its schema", "function_name": "Its name"
}, "events": {
  "id": "Order of writing", "at": "When it happened",
  "kind": "evicted, expired, revoked, flushed, device_changed, access_*, settings_*, rules_* or would_*",
  "user_id": "Its user; null for settings and flushes", "session_id": "Its session, if it concerns one",
  "reason": "Why, in words", "caused_by": "The session, rule or role that caused it",
  "details": "Old and new values, counts, or the device that caused it"
}}') t cross join lateral jsonb_each_text(t.value) m
  loop
    execute format('comment on column supasession.%I.%I is %L', c.relation, c.name, c.meaning);
  end loop;
end
$$;
