-- The schema. Its comment records what is installed ("supasession init" adds the checksum): a comment is not
-- data, so a restored data dump cannot contradict it.
create schema if not exists supasession;
do $$
begin
  execute format(
    'comment on schema supasession is %L', 'supasession ' || current_setting('supasession.release')
  );
  -- From 0.1.2. Its labels never change: later settings with choices are text with a check.
  if to_regtype('supasession.enforcement_strategy') is null then
    create type supasession.enforcement_strategy as enum ('reject', 'dequeue');
  end if;
  if to_regtype('supasession.policy') is null then
    create type supasession.policy as (
      observe boolean, rule text, max_sessions integer, strategy supasession.enforcement_strategy,
      eviction_order text, timebox interval, inactivity_timeout interval, low_aal_timeout interval,
      reject_ignores_idle interval, oauth_clients text, record_device_changes boolean, record_events boolean,
      mfa boolean, ruled boolean
    );
  end if;
end
$$;
comment on type supasession.enforcement_strategy is
  'What a sign-in over the limit does: dequeue ends the oldest sessions, reject refuses the new one';
comment on type supasession.policy is
  'Settings and rule of a session (max_sessions null: no limit). Passed between functions only';
