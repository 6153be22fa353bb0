-- Opens the installation: says which release this is, refuses where it cannot work, and takes the locks.
--
-- The whole of sql/ is one re-runnable script that brings a fresh database, supasession 0.1.2 and every later release to this
-- one. It must run as one transaction (the supabase CLI does that; by hand: psql --single-transaction).
--
-- Order of locks: first an advisory lock (two installations at once), then the auth tables, and only then anything of ours.
-- Sign-ins lock auth.sessions first and read our settings after it: the other order deadlocks with them.

-- Local to the transaction, so that later parts can tell that they still run in the same one.
select pg_catalog.set_config('supasession.release', '1.0.0', true);

-- Giving up after a few seconds is better than letting sign-ins queue behind our lock.
select pg_catalog.set_config('lock_timeout', '3s', true);

do $$
declare
    release constant text := pg_catalog.current_setting('supasession.release', true);
    installed text;
    missing text;
    give_up constant timestamptz := pg_catalog.clock_timestamp() + interval '4 seconds';
    remaining interval;
    ours text;
begin
    if coalesce(release, '') = '' then
        raise exception 'supasession must be installed in one transaction'
            using errcode = 'SS003', hint = 'Run the whole file at once: psql --single-transaction --file <this file>';
    end if;

    if pg_catalog.to_regclass('auth.sessions') is null or pg_catalog.to_regclass('auth.users') is null then
        raise exception 'supasession needs Supabase Auth, and this database has no auth.sessions'
            using errcode = 'SS002', hint = 'Check that this is a Supabase database and that Auth is enabled and has started once.';
    end if;

    select pg_catalog.string_agg(needed.relation || '.' || needed.attribute, ', ') into missing
    from (values
        ('users', 'raw_app_meta_data'), ('users', 'is_sso_user'), ('users', 'recovery_token'), ('users', 'banned_until'), ('users', 'deleted_at'),
        ('sessions', 'aal'), ('sessions', 'not_after'), ('sessions', 'refreshed_at'), ('sessions', 'user_agent'),
        ('sessions', 'oauth_client_id'), ('mfa_factors', 'status'), ('mfa_amr_claims', 'authentication_method'),
        ('flow_state', 'authentication_method'), ('flow_state', 'auth_code_issued_at')
    ) needed (relation, attribute)
    where not exists (
        select
        from pg_catalog.pg_attribute a
        where a.attrelid = pg_catalog.to_regclass('auth.' || needed.relation)
            and a.attname = needed.attribute
            and not a.attisdropped
    );
    if missing is not null then
        raise exception 'this version of Supabase Auth is too old for supasession: it lacks %', missing
            using errcode = 'SS005', hint = 'Update Supabase Auth, which adds them by itself when it starts.';
    end if;

    if exists (
        select from pg_catalog.pg_namespace n
        where n.nspname = 'supasession' and not pg_catalog.pg_has_role(n.nspowner, 'usage')
    ) then
        raise exception 'schema supasession belongs to role %, and this runs as %',
            (select n.nspowner::pg_catalog.regrole from pg_catalog.pg_namespace n where n.nspname = 'supasession'), current_user
            using errcode = 'SS004', hint = 'Install as the role that owns the schema (on Supabase: postgres).';
    end if;

    -- 0x5355_5041_5345_5353 ("SUPASESS"): any constant does, as long as every release uses the same.
    perform pg_catalog.pg_advisory_xact_lock(6004793919668573011);

    select pg_catalog.string_agg(c.oid::pg_catalog.regclass::text, ', ') into ours
    from pg_catalog.pg_class c
    where c.relnamespace = pg_catalog.to_regnamespace('supasession') and c.relkind = 'r' and pg_catalog.pg_has_role(c.relowner, 'usage');

    -- All three tables that get triggers, or none: sign-ins take them in more than one order (by magic link users first, by password sessions
    -- first), so that waiting for one while holding another would deadlock with somebody. An exception block gives back what was locked in it.
    -- Short tries, because while we wait sign-ins pile up behind us that hold users, and some of them each other up until we give way. The last
    -- try is longer, for a transaction that takes its time (a hook), and for autovacuum, which gives way to who has waited a second. EXCLUSIVE, and not
    -- the SHARE ROW EXCLUSIVE that triggers need, makes a refresh stop at its session and not at its user; plain reads pass all the same.
    -- Measured with 8 workers that sign in without a pause, on average: 0.25 s; 0.9 s with SHARE ROW EXCLUSIVE, 1.1 s with long tries.
    loop
        remaining := give_up - pg_catalog.clock_timestamp();
        begin
            perform pg_catalog.set_config(
                'lock_timeout',
                case
                    when remaining > interval '1.2 seconds' then '50ms'
                    -- 0 would be no limit at all.
                    else greatest(pg_catalog.ceil(extract(epoch from remaining) * 1000), 1)::text || 'ms'
                end,
                true
            );
            lock table auth.sessions in exclusive mode;
            lock table auth.users, auth.mfa_amr_claims in share row exclusive mode nowait;
            -- Ours as well: a request that has read them and goes on to end a session waits for us, and must not be waited for longer than
            -- it takes Postgres to look for a deadlock (1 s).
            if ours is not null then
                perform pg_catalog.set_config('lock_timeout', '50ms', true);
                execute pg_catalog.format('lock table %s in access exclusive mode', ours);
            end if;
            exit;
        exception
            when lock_not_available then
                if pg_catalog.clock_timestamp() >= give_up then
                    raise exception 'auth.sessions, auth.users, auth.mfa_amr_claims or a table of supasession is locked by somebody else'
                        using errcode = 'lock_not_available', hint = 'Try again, or end the transaction that holds the lock.';
                end if;
                -- Seconds: what has piled up goes on meanwhile.
                perform pg_catalog.pg_sleep(0.02);
        end;
    end loop;
    perform pg_catalog.set_config('lock_timeout', '3s', true);

    if pg_catalog.to_regclass('supasession.installation') is not null then
        execute 'select version from supasession.installation' into installed;
        if pg_catalog.string_to_array(pg_catalog.split_part(installed, '-', 1), '.')::integer[]
            > pg_catalog.string_to_array(pg_catalog.split_part(release, '-', 1), '.')::integer[] then
            raise exception 'this database already has supasession %, newer than the % being installed', installed, release
                using errcode = 'SS001', hint = 'Update the supasession package and run "supasession init" again.';
        end if;
    end if;
end
$$;
