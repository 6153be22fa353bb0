-- What the columns mean.
do $$
declare
  c record;
begin
  for c in select * from (values
  ('config.version', 'Layout of this table; seeded until a setting is chosen'),
  ('config.enabled', 'Whether limits and deadlines are enforced'),
  ('config.max_sessions', 'Limit: the most live sessions that a user may have'),
  ('config.strategy',
    'What a sign-in over the limit does: dequeue ends other sessions of the user, reject refuses it'),
  ('config.eviction_order',
    'Which sessions end first: oldest (by sign-in) or least_recently_used (by last refresh); ties by id'),
  ('config.mode',
    'enforce, or observe: nothing is ended, refused or given a deadline, only recorded in the history'),
  ('config.timebox', 'Longest life of a session from its sign-in; null: none'),
  ('config.inactivity_timeout', 'Longest time between two refreshes of a session; null: none'),
  ('config.low_aal_timeout',
    'Longest life of a session that has not passed its user''s second factor; null: none'),
  ('config.reject_in_hook',
    'Whether access_token_hook() answers a refusal, with 403; Auth must call it, or it is a 500'),
  ('config.refusal_message', 'Message of that 403; {limit} stands for the limit'),
  ('config.reject_ignores_idle',
    'Under reject: sessions unused for longer do not count, and end if in the way; null: all count'),
  ('config.oauth_clients',
    'Sessions of OAuth clients: ignore (no limit), separate (a limit for each) or together (as any)'),
  ('config.record_device_changes',
    'Whether a refresh from another device (device_label() differs) is recorded in the history'),
  ('config.record_events', 'Whether the history is kept'),
  ('config.events_retention', 'How long an entry of the history is kept'),
  ('rules.name', 'Name, for people and for the history'),
  ('rules.priority', 'Order among rules that match; the lowest number goes first'),
  ('rules.user_id', 'Matches this user (one of the three matches is given)'),
  ('rules.app_metadata', 'Matches users whose app_metadata contains this object, such as {"plan": "pro"}'),
  ('rules.oauth_client_id', 'Matches sessions of this OAuth client'),
  ('rules.max_sessions', 'Limit; null: as in the settings'),
  ('rules.unlimited', 'Whether there is no limit'),
  ('rules.strategy', 'Strategy; null: as in the settings'),
  ('rules.timebox', 'Longest life of a session; null: as in the settings'),
  ('rules.inactivity_timeout', 'Longest time between refreshes; null: as in the settings'),
  ('rules.no_deadline', 'Whether there is neither timebox nor inactivity timeout'),
  ('revoked.user_id', 'The user'),
  ('revoked.at', 'Since when'),
  ('revoked.reason', 'Why'),
  ('pending_ends.session_id', 'The session'),
  ('pending_ends.user_id', 'Its user'),
  ('pending_ends.at', 'When it was to be ended'),
  ('pending_ends.reason', 'Why'),
  ('foreign_deadlines.session_id', 'The session'),
  ('foreign_deadlines.not_after', 'What auth.sessions.not_after was'),
  ('pending_rejections.session_id', 'The session that is refused'),
  ('pending_rejections.hook_message', 'What the hook answers'),
  ('pending_rejections.trigger_message', 'What is raised if no hook answers'),
  ('integration.kind', 'What calls it: access_token_hook() or check_request()'),
  ('integration.schema_name', 'Its schema'),
  ('integration.function_name', 'Its name'),
  ('events.id', 'Order of writing'),
  ('events.at', 'When it happened'),
  ('events.kind',
    'evicted, expired, revoked, flushed, access_revoked, access_restored, device_changed,'
    ' settings_changed, rules_changed, would_evict, would_refuse or would_expire'),
  ('events.user_id', 'Whom it concerned; null for settings and flushes'),
  ('events.session_id', 'The session it concerned, if it was one'),
  ('events.reason', 'Why, in words'),
  ('events.caused_by', 'The session, rule or role that caused it'),
  ('events.details', 'What else belongs to it: old and new values, counts')
  ) t (name, meaning)
  loop
    execute format('comment on column supasession.%s is %L', c.name, c.meaning);
  end loop;
end
$$;
