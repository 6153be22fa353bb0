-- The roles of a Supabase project, with their flags, settings and memberships.
-- These files run once, in name order and in one transaction, as the superuser supabase_admin (made by initdb) in a fresh Postgres 17.
-- Roles and their settings belong to the whole server: databases cloned from this one share them.
--
-- Every login role has the password "postgres", as in `supabase start`. It protects nothing: the server listens on
-- 127.0.0.1 only and holds made-up data. Never use it elsewhere.

-- What the Data API becomes, by the token of the request.
create role anon nologin inherit;
create role authenticated nologin inherit;
create role service_role nologin inherit bypassrls;

-- The login of the Data API.
create role authenticator login noinherit password 'postgres';

-- The developer's role: migrations run as this one. It is no superuser.
create role postgres login inherit createdb createrole replication bypassrls password 'postgres';

-- The dashboard and the services.
create role dashboard_user nologin inherit createdb createrole replication;
create role supabase_auth_admin login noinherit createrole password 'postgres';
create role supabase_storage_admin login noinherit createrole password 'postgres';
create role supabase_read_only_user login inherit bypassrls password 'postgres';
create role supabase_replication_admin login inherit replication password 'postgres';

grant anon, authenticated, service_role to authenticator;
grant authenticator to supabase_storage_admin;
grant pg_read_all_data to supabase_read_only_user;

-- Since Postgres 16 only a member with the admin option may hand a role on. Hosted projects give it to postgres, so
-- that a migration may say `grant authenticated to my_role`.
grant anon, authenticated, service_role, pg_read_all_data, pg_monitor, pg_signal_backend to postgres with admin option;

-- postgres is listed as a member of these two, and yet it must not act as them: a member that inherits counts as an
-- owner of the auth tables, and on a hosted project postgres may not alter those. So the membership is there and gives
-- nothing: no inherited rights, no SET ROLE, no handing on.
grant supabase_auth_admin, supabase_storage_admin to postgres with admin false, inherit false, set false;

-- Hosted projects and the local stack let postgres choose the function that PostgREST calls before each request.
grant authenticator to postgres with admin option, inherit false, set false;
grant set on parameter pgrst.db_pre_request to postgres;

alter role anon set statement_timeout to '3s';
alter role authenticated set statement_timeout to '8s';
-- A Supabase project also sets session_preload_libraries = safeupdate here (no DELETE or UPDATE without a WHERE through
-- the Data API). That library is not part of the embedded server, and a missing one would make every login fail.
alter role authenticator set statement_timeout to '8s';
alter role authenticator set lock_timeout to '8s';
-- The backslash is what Supabase has: "\$user" is the name of a schema that nobody has, not the user's own schema.
alter role postgres set search_path to "\$user", public, extensions;
alter role supabase_admin set search_path to "\$user", public, auth, extensions;
alter role supabase_auth_admin set search_path to auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout to 60000;
alter role supabase_storage_admin set search_path to storage;
