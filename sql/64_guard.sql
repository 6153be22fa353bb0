-- The guard: cuts ended sessions off from the Data API at once, instead of when their access token expires.

-- _pre_request() -> row (pre_request_schema, pre_request_function, pre_request_missing, on_error)
-- The project's own pre-request function, nulls where there is none, looked for in the catalog before anybody calls it. pre_request_missing: it is
-- configured, and not there.
create or replace function supasession._pre_request(
    out pre_request_schema text,
    out pre_request_function text,
    out pre_request_missing boolean,
    out on_error text
)
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
    select
        w.pre_request_schema,
        w.pre_request_function,
        w.pre_request_function is not null and not exists (
            select
            from pg_catalog.pg_proc p
            join pg_catalog.pg_namespace n on n.oid = p.pronamespace
            where n.nspname = w.pre_request_schema and p.proname = w.pre_request_function and p.pronargs = 0
        ),
        (select c.on_error from supasession.config c)
    into pre_request_schema, pre_request_function, pre_request_missing, on_error
    from supasession.wiring w;
end
$$;
comment on function supasession._pre_request() is 'The project''s own pre-request function';

-- check_request() -> void
-- To be configured as PostgREST's pre-request function. Raises PT401 for a token whose session has ended; then calls the project's own.
-- SECURITY INVOKER and without a SET clause: the project's function must see the role, search_path and settings that it would see without us, and what
-- it sets must last. Writes nothing, because reading requests run in a read-only transaction.
create or replace function supasession.check_request()
returns void
language plpgsql
as $$
declare
    own record;
begin
    if not supasession.has_access() then
        raise exception 'Session has ended' using errcode = 'PT401', hint = 'Sign in again.';
    end if;
    own := supasession._pre_request();
    if own.pre_request_function is null then
        return;
    end if;
    if own.pre_request_missing then
        if own.on_error = 'refuse' then
            raise exception 'supasession: the pre-request function, %.%, is not there', own.pre_request_schema, own.pre_request_function
                using errcode = 'PT500';
        end if;
        raise warning 'supasession: the pre-request function, %.%, is not there', own.pre_request_schema, own.pre_request_function;
        return;
    end if;
    execute pg_catalog.format('select %I.%I()', own.pre_request_schema, own.pre_request_function);
end
$$;
comment on function supasession.check_request() is 'Pre-request function of the Data API: refuses tokens of ended sessions';

-- _grant_guard() -> void
-- Lets every role that authenticator may become call the guard. A role of the project's own that is added later needs enable_guard() once more.
create or replace function supasession._grant_guard()
returns void
language plpgsql
set search_path = ''
as $$
declare
    api_role name;
begin
    for api_role in
        select r.rolname from pg_catalog.pg_roles r
        where pg_catalog.pg_has_role('authenticator', r.oid, 'member') and r.rolname <> 'authenticator'
    loop
        execute pg_catalog.format('grant usage on schema supasession to %I', api_role);
        execute pg_catalog.format('grant execute on function supasession.check_request(), supasession._pre_request() to %I', api_role);
        execute pg_catalog.format('grant execute on function supasession.has_access(), supasession.is_live() to %I', api_role);
    end loop;
end
$$;
comment on function supasession._grant_guard() is 'Lets every role of the Data API call the guard';

-- _configured_pre_request() -> the value of pgrst.db_pre_request for authenticator, null where it is not set
create or replace function supasession._configured_pre_request()
returns text
language sql
stable
set search_path = ''
as $$
    select pg_catalog.substr(o.entry, pg_catalog.length('pgrst.db_pre_request=') + 1)
    from pg_catalog.pg_db_role_setting s
    cross join lateral pg_catalog.unnest(s.setconfig) o (entry)
    where s.setrole = 'authenticator'::pg_catalog.regrole
        and s.setdatabase in (0, (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()))
        and o.entry like 'pgrst.db\_pre\_request=%'
    order by s.setdatabase desc
    limit 1;
$$;
comment on function supasession._configured_pre_request() is 'The pre-request function that PostgREST is configured with';

-- _guard_wired() -> whether PostgREST is configured to call check_request()
create or replace function supasession._guard_wired()
returns boolean
language sql
stable
set search_path = ''
as $$
    select coalesce(supasession._configured_pre_request() = 'supasession.check_request', false);
$$;
comment on function supasession._guard_wired() is 'Whether the Data API is configured to call the guard';

-- enable_guard() -> void
-- Makes PostgREST call check_request() before every request, and keeps the pre-request function that is there to be called after it.
-- Raises 42501 where the right to set it is missing, 42883 where the present function does not exist.
create or replace function supasession.enable_guard()
returns void
language plpgsql
set search_path = ''
as $$
declare
    present text := supasession._configured_pre_request();
    -- PostgREST takes what stands before the first dot for the schema and the rest for the function, to the letter: no quotes, no folding.
    schema constant text := pg_catalog.split_part(present, '.', 1);
    function constant text := pg_catalog.substr(present, pg_catalog.length(schema) + 2);
begin
    if present <> '' and not supasession._guard_wired() then
        -- It looks for a bare name in the first of its schemas; there is no telling which one that is from here.
        if function = '' or pg_catalog.to_regprocedure(pg_catalog.format('%I.%I()', schema, function)) is null then
            raise exception 'the present pre-request function, %, is not a function without parameters that its schema is given with', present
                using errcode = 'undefined_function', hint = 'Set pgrst.db_pre_request to schema.function, or reset it, and call enable_guard() again.';
        end if;
        update supasession.wiring w set pre_request_schema = schema, pre_request_function = function where true;
    end if;
    perform supasession._grant_guard();
    begin
        alter role authenticator set pgrst.db_pre_request = 'supasession.check_request';
    exception
        when insufficient_privilege then
            raise exception 'role % may not set pgrst.db_pre_request for authenticator', current_user
                using errcode = 'insufficient_privilege',
                    hint = 'Set db-pre-request = "supasession.check_request" in the configuration of PostgREST, or run this as a superuser.';
    end;
    if not supasession._guard_wired() then
        raise exception 'pgrst.db_pre_request is set for authenticator in this database, which hides what is set for the whole server'
            using errcode = 'object_not_in_prerequisite_state',
                hint = pg_catalog.format('alter role authenticator in database %I reset pgrst.db_pre_request', pg_catalog.current_database());
    end if;
    notify pgrst, 'reload config';
end
$$;
comment on function supasession.enable_guard() is 'Makes the Data API refuse tokens of ended sessions at once';

-- disable_guard() -> void
-- Puts back what enable_guard() found. Does nothing where the guard is not wired.
create or replace function supasession.disable_guard()
returns void
language plpgsql
set search_path = ''
as $$
declare
    own record;
begin
    if not supasession._guard_wired() then
        return;
    end if;
    select * into own from supasession.wiring w;
    begin
        if own.pre_request_function is null then
            alter role authenticator reset pgrst.db_pre_request;
        else
            execute pg_catalog.format(
                'alter role authenticator set pgrst.db_pre_request = %L', own.pre_request_schema || '.' || own.pre_request_function
            );
        end if;
    exception
        when insufficient_privilege then
            raise exception 'role % may not set pgrst.db_pre_request for authenticator', current_user
                using errcode = 'insufficient_privilege',
                    hint = 'Take db-pre-request out of the configuration of PostgREST, or run this as a superuser.';
    end;
    update supasession.wiring w set pre_request_schema = null, pre_request_function = null where true;
    notify pgrst, 'reload config';
end
$$;
comment on function supasession.disable_guard() is 'Takes the guard out of the Data API again';
