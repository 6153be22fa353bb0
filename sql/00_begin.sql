-- Opens the installation: says which release this is, refuses where it cannot work, and takes the locks.
--
-- The whole of sql/ is one re-runnable script that brings a fresh database, supasession 0.1.2 and every later release to this
-- one. It must run as one transaction (the supabase CLI does that; by hand: psql --single-transaction).
--
-- Order of locks: first an advisory lock (two installations at once), then auth.sessions, and only then anything of ours.
-- Sign-ins lock auth.sessions first and read our settings after it: the other order deadlocks with them.

-- Local to the transaction, so that later parts can tell that they still run in the same one.
select pg_catalog.set_config('supasession.release', '1.0.0', true);

-- Giving up after 3 seconds is better than letting sign-ins queue behind our lock.
select pg_catalog.set_config('lock_timeout', '3s', true);

do $$
declare
    release constant text := pg_catalog.current_setting('supasession.release', true);
    installed text;
begin
    if coalesce(release, '') = '' then
        raise exception 'supasession must be installed in one transaction'
            using errcode = 'SS003', hint = 'Run the whole file at once: psql --single-transaction --file <this file>';
    end if;

    if pg_catalog.to_regclass('auth.sessions') is null or pg_catalog.to_regclass('auth.users') is null then
        raise exception 'supasession needs Supabase Auth, and this database has no auth.sessions'
            using errcode = 'SS002', hint = 'Check that this is a Supabase database and that Auth is enabled and has started once.';
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
    lock table auth.sessions in share row exclusive mode;

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
