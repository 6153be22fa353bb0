-- Who may do what, by name. Nothing is left to PUBLIC or to default privileges.

revoke all on schema supasession from public, anon, authenticated, service_role, supabase_auth_admin;
revoke all on all tables in schema supasession from public, anon, authenticated, service_role, supabase_auth_admin;
revoke all on all sequences in schema supasession from public, anon, authenticated, service_role, supabase_auth_admin;
revoke all on all functions in schema supasession from public, anon, authenticated, service_role, supabase_auth_admin;
revoke all on type supasession.enforcement_strategy from public, anon, authenticated, service_role, supabase_auth_admin;

grant usage on schema supasession to anon, authenticated, service_role, supabase_auth_admin;

grant select, insert, update, delete on supasession.config, supasession.rules to service_role;
grant select on supasession.installation, supasession.events, supasession.revoked to service_role;
grant usage on type supasession.enforcement_strategy to service_role;

grant execute on function supasession.enable() to service_role;
grant execute on function supasession.disable() to service_role;
grant execute on function supasession.get_config() to service_role;
grant execute on function supasession.set_config(boolean, integer, supasession.enforcement_strategy) to service_role;
grant execute on function supasession.policy_for(uuid, uuid) to service_role;
grant execute on function supasession.impact(jsonb, boolean) to service_role;
grant execute on function supasession.overview() to service_role;
grant execute on function supasession.sessions_over_limit() to service_role;
grant execute on function supasession.health(boolean) to service_role;
grant execute on function supasession.enforce(integer, uuid, boolean) to service_role;
grant execute on function supasession.prunable(interval) to service_role;
grant execute on function supasession.prune(interval, integer) to service_role;
grant execute on function supasession.revoke_session(uuid) to service_role;
grant execute on function supasession.revoke_user_sessions(uuid, uuid[]) to service_role;
grant execute on function supasession.revoke_access(uuid, text) to service_role;
grant execute on function supasession.restore_access(uuid) to service_role;

grant execute on function supasession.sid() to anon, authenticated, service_role;
grant execute on function supasession.is_live() to anon, authenticated, service_role;
grant execute on function supasession.has_access() to anon, authenticated, service_role;
grant execute on function supasession.session_age() to anon, authenticated, service_role;
grant execute on function supasession.token_age() to anon, authenticated, service_role;
grant execute on function supasession._claims() to anon, authenticated, service_role; -- token_age() is no definer
grant execute on function supasession.check_request() to anon, authenticated, service_role;
grant execute on function supasession._pre_request() to anon, authenticated, service_role;

grant execute on function supasession.my_sessions() to authenticated;
grant execute on function supasession.revoke_my_session(uuid) to authenticated;
grant execute on function supasession.revoke_my_other_sessions() to authenticated;

grant execute on function supasession.access_token_hook(jsonb) to supabase_auth_admin;
grant execute on function supasession._hook_answer(uuid) to supabase_auth_admin;

-- Roles of the project's own. 0.1.2 left sid() executable by PUBLIC: one that has been given the schema keeps what its policies need. And where
-- the guard is wired, every role of the Data API must be able to call it, or its requests fail.
do $$
declare
    grantee pg_catalog.regrole;
begin
    for grantee in
        select a.grantee::pg_catalog.regrole
        from pg_catalog.pg_namespace n
        cross join lateral pg_catalog.aclexplode(n.nspacl) a
        where n.nspname = 'supasession' and a.privilege_type = 'USAGE' and a.grantee not in (0, n.nspowner)
            and a.grantee <> 'supabase_auth_admin'::pg_catalog.regrole
    loop
        execute pg_catalog.format('grant execute on function supasession.sid() to %s', grantee);
    end loop;
    if supasession._guard_wired() then
        perform supasession._grant_guard();
    end if;
end
$$;
