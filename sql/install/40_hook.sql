-- The custom access token hook, which makes a refusal readable.

create or replace function supasession._hook_answer(
  session_id uuid, out rejection text, out next_schema text, out next_function text, out next_missing boolean
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  begin
    -- If this fails, the session is still refused, at commit.
    select r.hook_message into rejection
    from supasession.pending_rejections r where r.session_id = _hook_answer.session_id;
  exception
    when transaction_rollback or lock_not_available then raise;
    when others then raise warning 'supasession: % (%)', sqlerrm, sqlstate;
  end;
  begin
    select i.schema_name, i.function_name into next_schema, next_function
    from supasession.integration i where i.kind = 'access_token_hook';
    if next_function is not null then
      -- A statement of its own, because joined to the one above it would read all of pg_proc (0.5 ms).
      perform from pg_proc f
      where f.pronamespace = to_regnamespace(quote_ident(next_schema)) and f.proname = next_function
        and f.proargtypes = '3802'::oidvector and f.prorettype = 'jsonb'::regtype; -- 3802: one jsonb
      next_missing := not found;
    end if;
  exception
    when transaction_rollback or lock_not_available then raise;
    when others then raise warning 'supasession: % (%)', sqlerrm, sqlstate;
  end;
end
$$;
comment on function supasession._hook_answer is
'What access_token_hook() needs: the rejection of this session, if any, and the project''s own hook
(next_missing: it does not exist)';

-- SECURITY INVOKER. While it calls the project's hook it has no SET clause (_chain()), because that hook must
-- run with the role, search_path and timeout of Auth. So every name is qualified, operators too. Errors of
-- the project's hook are not caught.
create or replace function supasession.access_token_hook(event jsonb) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  answer pg_catalog.record;
  result pg_catalog.jsonb;
begin
  answer := supasession._hook_answer(
    case
      when event operator(pg_catalog.->>) 'authentication_method' operator(pg_catalog.=) 'token_refresh'
        then null
      else (event operator(pg_catalog.#>>) '{claims,session_id}')::pg_catalog.uuid
    end
  );
  if answer.rejection is not null then
    return pg_catalog.jsonb_build_object(
      'error', pg_catalog.jsonb_build_object('http_code', 403, 'message', answer.rejection)
    );
  end if;
  if answer.next_function is null or answer.next_missing then
    if answer.next_missing then
      raise warning 'supasession: next hook %.% does not exist', answer.next_schema, answer.next_function;
    end if;
    return pg_catalog.jsonb_build_object('claims', event operator(pg_catalog.->) 'claims');
  end if;
  execute pg_catalog.format('select %I.%I($1)', answer.next_schema, answer.next_function)
  into result using event;
  return result;
end
$$;
comment on function supasession.access_token_hook is
'The custom access token hook for Auth. Answers 403 for a session refused in this transaction; else what the
project''s own hook answers, if there is one. Refreshes pass.';

create or replace function supasession._chain(kind text, schema_name text, function_name text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  own constant text := case kind when 'pre_request' then 'check_request' else 'access_token_hook' end;
begin
  delete from supasession.integration i where i.kind = _chain.kind;
  if function_name is null then
    execute format('alter function supasession.%s set search_path = pg_catalog, pg_temp', own);
  else
    insert into supasession.integration (kind, schema_name, function_name)
    values (_chain.kind, _chain.schema_name, _chain.function_name);
    execute format('alter function supasession.%s reset search_path', own);
  end if;
end
$$;
comment on function supasession._chain is
'Sets the function of the project that ours calls in turn (null: none). The caller then has no SET clause,
which would apply to the function it calls.';
