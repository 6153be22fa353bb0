-- Disables the guard first, so that no request of the Data API calls a missing function, then drops the whole schema.
-- Sessions and all other data of Auth stay. The triggers are dropped with their functions: on hosted projects DROP TRIGGER
-- would lock a dozen tables of Auth.
do $$
declare
    dependents text;
    tables text;
    give_up constant timestamptz := clock_timestamp() + interval '4 seconds';
begin
    if to_regnamespace('supasession') is null then
        return;
    end if;
    -- So that names are printed with their schemas.
    perform set_config('search_path', 'pg_catalog', true);
    -- CASCADE must drop nothing of the project, even if this file is applied to a database it was not written for.
    select string_agg(d.kind || ' ' || d.name, ', ') into dependents
    from (
-- @include queries/dependents.sql
    ) d;
    if dependents is not null then
        raise exception 'supasession is still used by: %', dependents
            using errcode = 'SS006', hint = 'Drop or change these first: supasession uninstall --drop-dependents';
    end if;
    if to_regprocedure('supasession.disable_guard()') is not null then
        perform supasession.disable_guard();
    end if;

    select string_agg(c.oid::regclass::text, ', ') into tables
    from pg_class c
    where c.relnamespace = 'supasession'::regnamespace and c.relkind = 'r';
    -- Locks all tables or none, in short tries: sign-ins queue behind a lock that waits. The installation does the same.
    loop
        begin
            perform set_config('lock_timeout', '50ms', true);
            lock table auth.sessions in access exclusive mode;
            execute format('lock table %s in access exclusive mode', tables);
            exit;
        exception
            when lock_not_available then
                if clock_timestamp() >= give_up then
                    raise exception 'auth.sessions or a table of supasession is locked by somebody else'
                        using errcode = 'lock_not_available',
                            hint = 'Try again, or end the transaction that holds the lock.';
                end if;
                perform pg_sleep(0.02);
        end;
    end loop;
    perform set_config('lock_timeout', '3s', true);
    drop schema supasession cascade;
end
$$;
