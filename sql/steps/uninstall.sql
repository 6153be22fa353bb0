-- The guard first, so that no request of the Data API asks for a function that is gone; then everything of ours, at once. Sessions and all other
-- data of Auth stay. Triggers go with their functions: DROP TRIGGER locks a dozen tables of Auth on hosted projects.
do $$
declare
    dependents text;
    ours text;
    give_up constant timestamptz := pg_catalog.clock_timestamp() + interval '4 seconds';
begin
    if pg_catalog.to_regnamespace('supasession') is null then
        return;
    end if;
    if pg_catalog.to_regprocedure('supasession.dependents()') is null then
        raise exception 'this database has an older release of supasession, which does not know what of the project uses it'
            using errcode = 'SS007', hint = 'Bring it up to date first: supasession upgrade';
    end if;
    -- Also where this file reaches another database than the one that it was written for: CASCADE must take nothing of the project along.
    execute 'select pg_catalog.string_agg(d.kind || '' '' || d.name, '', '') from supasession.dependents() d' into dependents;
    if dependents is not null then
        raise exception 'supasession is still used by: %', dependents
            using errcode = 'SS006', hint = 'Drop or change these first: supasession uninstall --drop-dependents';
    end if;
    execute 'select supasession.disable_guard()';

    select pg_catalog.string_agg(c.oid::pg_catalog.regclass::text, ', ') into ours
    from pg_catalog.pg_class c
    where c.relnamespace = 'supasession'::pg_catalog.regnamespace and c.relkind = 'r';
    -- As at the installation: all tables or none, in short tries, because sign-ins take them in more than one order.
    loop
        begin
            perform pg_catalog.set_config('lock_timeout', '50ms', true);
            lock table auth.sessions in access exclusive mode;
            lock table auth.users, auth.mfa_amr_claims in access exclusive mode nowait;
            execute pg_catalog.format('lock table %s in access exclusive mode', ours);
            exit;
        exception
            when lock_not_available then
                if pg_catalog.clock_timestamp() >= give_up then
                    raise exception 'auth.sessions, auth.users, auth.mfa_amr_claims or a table of supasession is locked by somebody else'
                        using errcode = 'lock_not_available', hint = 'Try again, or end the transaction that holds the lock.';
                end if;
                perform pg_catalog.pg_sleep(0.02);
        end;
    end loop;
    perform pg_catalog.set_config('lock_timeout', '3s', true);
    drop schema supasession cascade;
end
$$;
