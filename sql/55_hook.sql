-- The custom access token hook: what makes a refusal readable.

-- _hook_answer(session_id) -> row (refusal, next_schema, next_function, next_missing, on_error)
-- What access_token_hook() needs of ours, read with our rights: the refusal of this session, if any, and the project's own hook. That one is
-- looked for in the catalog before anybody calls it; next_missing: it is configured, and not there.
create or replace function supasession._hook_answer(
    session_id uuid,
    out refusal text,
    out next_schema text,
    out next_function text,
    out next_missing boolean,
    out on_error text
)
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
    -- Outside of the handler: where a refusal cannot be read nobody gets in.
    select r.hook_message into refusal from supasession.refusal r where r.session_id = _hook_answer.session_id;
    begin
        -- on_error as well: its copy there spares the hook the settings.
        select w.next_hook_schema, w.next_hook_function, w.on_error into next_schema, next_function, on_error from supasession.wiring w;
        next_missing := false;
        if next_function is not null then
            -- In a statement of its own, which finds it by index; within the one above all of pg_proc is read (half a millisecond).
            perform
            from pg_catalog.pg_proc p
            where p.pronamespace = pg_catalog.to_regnamespace(pg_catalog.quote_ident(next_schema))
                and p.proname = next_function
                and p.proargtypes = '3802'::pg_catalog.oidvector -- one jsonb
                and p.prorettype = 'pg_catalog.jsonb'::pg_catalog.regtype;
            next_missing := not found;
        end if;
    exception
        when others then
            perform supasession._tolerate(sqlstate, sqlerrm, (select c.on_error from supasession.config c));
    end;
end
$$;
comment on function supasession._hook_answer(uuid) is 'What access_token_hook() needs to know';

-- access_token_hook(event jsonb) -> jsonb
-- To be configured as Auth's custom access token hook. Answers 403 where the insert trigger has refused the session of this transaction; else hands
-- the event on to the project's own hook, if there is one, and its answer back. Refreshes are let through.
-- SECURITY INVOKER, and the one kind of function here without a SET clause: the project's hook must run as Auth's role, with Auth's search_path and
-- time-out. No exception of that call is caught.
create or replace function supasession.access_token_hook(event jsonb)
returns jsonb
language plpgsql
as $$
declare
    answer record;
    result pg_catalog.jsonb;
begin
    answer := supasession._hook_answer(
        case when event ->> 'authentication_method' = 'token_refresh' then null else (event -> 'claims' ->> 'session_id')::pg_catalog.uuid end
    );
    if answer.refusal is not null then
        return pg_catalog.jsonb_build_object(
            'error', pg_catalog.jsonb_build_object('http_code', 403, 'message', answer.refusal)
        );
    end if;

    if answer.next_function is null then
        return pg_catalog.jsonb_build_object('claims', event -> 'claims');
    end if;
    if answer.next_missing then
        if answer.on_error = 'refuse' then
            raise exception 'supasession: the next access token hook, %.%, is not there', answer.next_schema, answer.next_function
                using errcode = 'PT403';
        end if;
        raise warning 'supasession: the next access token hook, %.%, is not there', answer.next_schema, answer.next_function;
        return pg_catalog.jsonb_build_object('claims', event -> 'claims');
    end if;

    execute pg_catalog.format('select %I.%I($1)', answer.next_schema, answer.next_function) into result using event;
    return result;
end
$$;
comment on function supasession.access_token_hook(jsonb) is 'Custom access token hook: answers 403 to a refused session, and calls the project''s own hook';
