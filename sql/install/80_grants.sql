-- Who may do what, by name. Nothing is left to PUBLIC or to default privileges.

revoke all on schema supasession from public, anon, authenticated, service_role, supabase_auth_admin;
revoke all on all tables in schema supasession
  from public, anon, authenticated, service_role, supabase_auth_admin;
revoke all on all sequences in schema supasession
  from public, anon, authenticated, service_role, supabase_auth_admin;
revoke all on all functions in schema supasession
  from public, anon, authenticated, service_role, supabase_auth_admin;
revoke all on type supasession.enforcement_strategy, supasession.policy
  from public, anon, authenticated, service_role, supabase_auth_admin;
grant usage on schema supasession to anon, authenticated, service_role, supabase_auth_admin;

-- service_role: settings, rules, history, and sessions of anybody.
grant select, insert, update, delete on supasession.config, supasession.rules to service_role;
grant select on supasession.events, supasession.revoked to service_role;
grant usage on type supasession.enforcement_strategy to service_role;
grant execute on function supasession.enable, supasession.disable, supasession.get_config,
  supasession.set_config, supasession.enforce, supasession.prune, supasession.revoke_session,
  supasession.revoke_user_sessions, supasession.revoke_access, supasession.restore_access to service_role;
-- Every request of the Data API, about itself. _pre_request is called by a SECURITY INVOKER function.
grant execute on function supasession.sid, supasession.is_live, supasession.has_access,
  supasession.session_age, supasession.check_request, supasession._pre_request, supasession.device_label
  to anon, authenticated, service_role;
-- Signed-in users: their own sessions.
grant execute on function supasession.session_state, supasession.my_sessions, supasession.revoke_my_session,
  supasession.revoke_my_other_sessions to authenticated;
-- Also without a token: why the session of an id has ended.
grant execute on function supasession.why_ended to anon, authenticated;
-- Auth: its hook.
grant execute on function supasession.access_token_hook, supasession._hook_answer to supabase_auth_admin;

-- Roles of the project: 0.1.2 left sid() to PUBLIC, and their policies need it. While the guard is enabled,
-- every role of the Data API calls it.
do $$
declare
  grantee regrole;
begin
  for grantee in
    select a.grantee::regrole from pg_namespace n
    cross join lateral aclexplode(n.nspacl) a
    where n.nspname = 'supasession' and a.privilege_type = 'USAGE' and a.grantee not in (0, n.nspowner)
      and a.grantee <> 'supabase_auth_admin'::regrole
  loop
    execute format('grant execute on function supasession.sid() to %s', grantee);
  end loop;
  if supasession._guard_enabled() then perform supasession._grant_guard(); end if;
end
$$;
