-- The triggers, last: until here the database enforces what it enforced before. Each is made only where it is not right already, because
-- making one needs a lock that sign-ins wait for. Never DROP TRIGGER: on hosted projects it locks a dozen auth tables.
do $$
declare
    -- pg_trigger.tgtype: row 1, before 2, insert 4, update 16.
    insert_event constant smallint := 1 | 2 | 4;
    update_event constant smallint := 1 | 2 | 16;
begin
    if not exists (
        select
        from pg_catalog.pg_trigger t
        where t.tgrelid = 'auth.sessions'::pg_catalog.regclass
            and t.tgname = 'supasession_interceptor'
            and t.tgfoid = 'supasession._limiter()'::pg_catalog.regprocedure
            and t.tgtype = insert_event
            and t.tgqual is null
            and t.tgenabled = 'O'
    ) then
        create or replace trigger supasession_interceptor
            before insert on auth.sessions
            for each row
            execute function supasession._limiter();
    end if;

    if not exists (
        select
        from pg_catalog.pg_trigger t
        where t.tgrelid = 'auth.sessions'::pg_catalog.regclass
            and t.tgname = 'supasession_refresh'
            and t.tgfoid = 'supasession._on_refresh()'::pg_catalog.regprocedure
            and t.tgtype = update_event
            and pg_catalog.pg_get_triggerdef(t.oid) like
                '% BEFORE UPDATE OF refreshed_at ON auth.sessions FOR EACH ROW WHEN ((old.refreshed_at IS DISTINCT FROM new.refreshed_at)) %'
            and t.tgenabled = 'O'
    ) then
        create or replace trigger supasession_refresh
            before update of refreshed_at on auth.sessions
            for each row
            when (old.refreshed_at is distinct from new.refreshed_at)
            execute function supasession._on_refresh();
    end if;
end
$$;
