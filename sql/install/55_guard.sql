-- The guard: cuts ended sessions off from the Data API at once, instead of when their access token expires.

create or replace function supasession._pre_request(
  out schema_name text, out function_name text, out missing boolean
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  select i.schema_name, i.function_name into schema_name, function_name
  from supasession.integration i where i.kind = 'pre_request';
  if function_name is not null then
    perform from pg_proc f
    where f.pronamespace = to_regnamespace(quote_ident(schema_name))
      and f.proname = function_name
      and f.pronargs = 0;
    missing := not found;
  end if;
end
$$;
comment on function supasession._pre_request is
'The project''s own pre-request function, nulls for none; missing: it does not exist';

-- Like access_token_hook() SECURITY INVOKER, and without a SET clause while it calls the project's function.
create or replace function supasession.check_request() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  own pg_catalog.record;
begin
  if not supasession.has_access() then
    raise exception 'Session has ended' using errcode = 'PT401', hint = 'Sign in again.';
  end if;
  own := supasession._pre_request();
  if own.missing then
    raise warning 'supasession: pre-request %.% does not exist', own.schema_name, own.function_name;
  elsif own.function_name is not null then
    execute pg_catalog.format('select %I.%I()', own.schema_name, own.function_name);
  end if;
end
$$;
comment on function supasession.check_request is
'PostgREST''s pre-request function. Raises PT401 for a token whose session has ended or whose user may not use
the app; then calls the project''s own one. Writes nothing.';

create or replace function supasession._grant_guard() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  api_role name;
begin
  for api_role in
    select r.rolname from pg_roles r
    where pg_has_role('authenticator', r.oid, 'member') and r.rolname <> 'authenticator'
  loop
    execute format(
      'grant usage on schema supasession to %1$I; grant execute on function supasession.check_request,'
      ' supasession._pre_request, supasession.has_access, supasession.is_live to %1$I', api_role
    );
  end loop;
end
$$;
comment on function supasession._grant_guard is 'Lets every role of the Data API call the guard';

create or replace function supasession._configured_pre_request() returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select substr(entry, length('pgrst.db_pre_request=') + 1)
  from pg_db_role_setting s, unnest(s.setconfig) entry
  where s.setrole = 'authenticator'::regrole
    and s.setdatabase in (0, (select d.oid from pg_database d where d.datname = current_database()))
    and entry like 'pgrst.db\_pre\_request=%'
  order by s.setdatabase desc limit 1;
$$;
comment on function supasession._configured_pre_request is
'The pre-request function that PostgREST is configured with, or null';

create or replace function supasession._guard_enabled() returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select coalesce(supasession._configured_pre_request() = 'supasession.check_request', false);
$$;
comment on function supasession._guard_enabled is 'Whether PostgREST is configured to call check_request()';

create or replace function supasession._set_pre_request(name text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  execute coalesce(
    'alter role authenticator set pgrst.db_pre_request = ' || quote_literal(name),
    'alter role authenticator reset pgrst.db_pre_request'
  );
  notify pgrst, 'reload config';
exception
  when insufficient_privilege then
    raise exception 'role % may not set pgrst.db_pre_request for authenticator', current_user
      using errcode = 'insufficient_privilege',
        hint = format('Set db-pre-request = "%s" in the configuration of PostgREST.', name);
end
$$;
comment on function supasession._set_pre_request is
'Sets PostgREST''s pre-request function (null: none). Raises 42501 without the right to.';

create or replace function supasession.enable_guard() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  present text := supasession._configured_pre_request();
  -- As PostgREST reads it: the schema up to the first dot, then the function; case matters.
  schema constant text := split_part(present, '.', 1);
  function constant text := substr(present, length(schema) + 2);
begin
  if not supasession._guard_enabled() then
    -- PostgREST looks for a bare name in the first of its schemas, which are not known here.
    if present <> '' and (
      function = '' or to_regprocedure(quote_ident(schema) || '.' || quote_ident(function) || '()') is null
    ) then
      raise exception 'the present pre-request function, %, is no function without parameters', present
        using errcode = 'undefined_function', hint = 'Set pgrst.db_pre_request to schema.function.';
    end if;
    perform supasession._chain('pre_request', schema, nullif(function, ''));
  end if;
  perform supasession._grant_guard();
  perform supasession._set_pre_request('supasession.check_request');
  if not supasession._guard_enabled() then
    raise exception 'pgrst.db_pre_request is set for authenticator in this database, and hides the guard'
      using errcode = 'object_not_in_prerequisite_state', hint = format(
        'alter role authenticator in database %I reset pgrst.db_pre_request', current_database()
      );
  end if;
end
$$;
comment on function supasession.enable_guard is
'Makes PostgREST call check_request(), and that the function that was set before. Raises 42501 without the
right to, 42883 if that function does not exist, 55000 if a setting of this database hides it.';

create or replace function supasession.disable_guard() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if supasession._guard_enabled() then
    perform supasession._set_pre_request((
      select i.schema_name || '.' || i.function_name
      from supasession.integration i where i.kind = 'pre_request'
    ));
    perform supasession._chain('pre_request', null, null);
  end if;
end
$$;
comment on function supasession.disable_guard is
'Removes the guard from the Data API. Raises 42501 without the right to.';
