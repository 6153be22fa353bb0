-- Who may do what, by name. Nothing is left to PUBLIC or to default privileges.

revoke all on schema supasession from public, anon, authenticated, service_role;
revoke all on all tables in schema supasession from public, anon, authenticated, service_role;
revoke all on all functions in schema supasession from public, anon, authenticated, service_role;
revoke all on type supasession.enforcement_strategy from public, anon, authenticated, service_role;

grant usage on schema supasession to anon, authenticated, service_role;

grant select, insert, update, delete on supasession.config to service_role;
grant select on supasession.installation to service_role;
grant usage on type supasession.enforcement_strategy to service_role;

grant execute on function supasession.enable() to service_role;
grant execute on function supasession.disable() to service_role;
grant execute on function supasession.get_config() to service_role;
grant execute on function supasession.set_config(boolean, integer, supasession.enforcement_strategy) to service_role;
grant execute on function supasession.sid() to anon, authenticated, service_role;

-- 0.1.2 left sid() executable by PUBLIC. A role of the project's own that has been given the schema keeps what its policies need.
do $$
declare
    grantee pg_catalog.regrole;
begin
    for grantee in
        select a.grantee::pg_catalog.regrole
        from pg_catalog.pg_namespace n
        cross join lateral pg_catalog.aclexplode(n.nspacl) a
        where n.nspname = 'supasession' and a.privilege_type = 'USAGE' and a.grantee not in (0, n.nspowner)
    loop
        execute pg_catalog.format('grant execute on function supasession.sid() to %s', grantee);
    end loop;
end
$$;
