-- supasession: limits on the sessions of Supabase Auth. For whoever reviews this file:
-- Adds: the schema supasession (settings, rules, history, functions) and two triggers on auth.sessions,
--   supasession_interceptor (before insert) and supasession_refresh (before update). Nothing else.
-- At a sign-in: with limits off the first trigger reads the settings, and refuses a user whose access was
--   revoked. With limits on it locks that user's row in auth.users (sign-ins of one user take turns), sets
--   not_after if there are deadlines, and over the limit ends the oldest sessions (at most 100) or refuses.
-- At a refresh: the second trigger moves the deadline on, and ends this session if it is over the limit,
--   revoked or past a deadline. It waits for half a second at most.
-- Never: it alters no table of Auth, blocks no migration of Auth, reads no password or token, and loosens no
--   deadline that somebody else set. An internal error lets the sign-in pass, with a warning.
-- Costs: about a tenth of a millisecond a sign-in, more if it ends sessions (bench/README.md).
-- Rights: every function has a fixed search_path; signed-in users see and end their own sessions only; who
--   knows the id of an ended session may ask why it ended. Row level security is on for every table.
-- Starts switched off. On: select supasession.enable();   Off again: select supasession.disable();
-- Verify: npx supasession doctor
-- Remove: npx supasession uninstall   or: drop schema supasession cascade (after taking out hook and guard)
-- Run it in one transaction (the supabase CLI does; by hand: psql --single-transaction). It can be run again.

-- Local to the transaction: a later statement sees it only in the same one.
select pg_catalog.set_config('supasession.release', '1.0.0', true);
select pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

do $$
declare
  release constant text := current_setting('supasession.release', true);
  installed text;
  missing text;
  ours text;
  give_up constant timestamptz := clock_timestamp() + interval '4 seconds';
begin
  if coalesce(release, '') = '' then
    raise exception 'supasession must be installed in one transaction: nothing was installed'
      using errcode = 'SS003', hint = 'psql --single-transaction --file <this file>';
  elsif to_regclass('auth.sessions') is null or to_regclass('auth.users') is null then
    raise exception 'supasession needs Supabase Auth, and this database has no auth.sessions'
      using errcode = 'SS002', hint = 'Check that Auth is enabled and has started once.';
  end if;

  select string_agg(n.relation || '.' || n.attribute, ', ') into missing from (values
    ('users', 'raw_app_meta_data'), ('users', 'banned_until'), ('users', 'deleted_at'), ('sessions', 'aal'),
    ('sessions', 'not_after'), ('sessions', 'refreshed_at'), ('sessions', 'user_agent'),
    ('sessions', 'oauth_client_id'), ('mfa_factors', 'status'), ('flow_state', 'authentication_method')
  ) n (relation, attribute)
  where not exists (
    select from pg_attribute a
    where a.attrelid = to_regclass('auth.' || n.relation) and a.attname = n.attribute and not a.attisdropped
  );
  if missing is not null then
    raise exception 'this version of Supabase Auth is too old for supasession: it lacks %', missing
      using errcode = 'SS005', hint = 'Update Supabase Auth: it adds them when it starts.';
  end if;

  -- The functions run as this role. Under row level security it would see no sessions.
  select string_agg(t, ', ') into missing
  from unnest(array['auth.sessions', 'auth.users', 'auth.mfa_factors']) t where row_security_active(t);
  if missing is not null then
    raise exception 'role % is subject to row level security on %', current_user, missing
      using errcode = 'SS008', hint = 'Install as a role with BYPASSRLS (on Supabase: postgres).';
  end if;

  select n.nspowner::regrole::text into missing from pg_namespace n
  where n.nspname = 'supasession' and not pg_has_role(n.nspowner, 'usage');
  if missing is not null then
    raise exception 'schema supasession belongs to role %, and this runs as %', missing, current_user
      using errcode = 'SS004', hint = 'Install as the owner of the schema (on Supabase: postgres).';
  end if;

  -- Auth's table first, then ours, in the order of a sign-in. All or none, in short tries: sign-ins queue
  -- behind a lock that waits. EXCLUSIVE stops a refresh at its session; SHARE ROW EXCLUSIVE, which a trigger
  -- needs, would stop it at its user. Reads pass. The number, "SUPASESS", is the same in every release.
  perform set_config('lock_timeout', '3s', true);
  perform pg_advisory_xact_lock(6004793919668573011);
  select string_agg(c.oid::regclass::text, ', ') into ours from pg_class c
  where c.relnamespace = to_regnamespace('supasession') and c.relkind = 'r'
    and pg_has_role(c.relowner, 'usage');
  loop
    begin
      perform set_config('lock_timeout', '50ms', true);
      lock table auth.sessions in exclusive mode;
      if ours is not null then
        execute format('lock table %s in access exclusive mode', ours);
      end if;
      exit;
    exception
      when lock_not_available then
        if clock_timestamp() >= give_up then
          raise exception 'auth.sessions or a table of supasession is locked by somebody else'
            using errcode = 'lock_not_available', hint = 'Try again, or end the transaction that holds it.';
        end if;
        -- Seconds. Sign-ins that have queued go on meanwhile.
        perform pg_sleep(0.02);
    end;
  end loop;
  perform set_config('lock_timeout', '3s', true);

  installed := substring(
    obj_description(to_regnamespace('supasession')::oid, 'pg_namespace'),
    '^supasession (\d+\.\d+\.\d+)'
  );
  if string_to_array(installed, '.')::integer[]
    > string_to_array(split_part(release, '-', 1), '.')::integer[] then
    raise exception 'this database already has supasession %, newer than %', installed, release
      using errcode = 'SS001', hint = 'Update the supasession package and run "supasession init" again.';
  end if;
end
$$;

-- Without one transaction an error would leave half of this behind: end the connection here.
select pg_terminate_backend(pg_backend_pid())
where coalesce(current_setting('supasession.release', true), '') = '';
