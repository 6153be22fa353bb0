-- The database, its schemas and extensions: who owns them, who may use them.

-- postgres owns the database, which also makes it the owner of schema public (through pg_database_owner).
alter database postgres owner to postgres;
grant all on database postgres to dashboard_user;

grant usage on schema public to postgres, anon, authenticated, service_role;

create schema extensions authorization postgres;
grant usage on schema extensions to anon, authenticated, service_role;
grant all on schema extensions to dashboard_user;

-- Owned by supabase_admin and not by Auth's role: the Supabase CLI's `migration down` drops whatever it finds in other
-- hands, and fails with 42501 on a schema that it may not drop.
create schema auth authorization supabase_admin;
grant usage on schema auth to anon, authenticated, service_role;
grant all on schema auth to supabase_auth_admin, dashboard_user, postgres;

create schema storage authorization supabase_admin;
grant usage on schema storage to anon, authenticated, service_role;
grant all on schema storage to supabase_storage_admin, dashboard_user, postgres;

create schema graphql_public authorization supabase_admin;
grant usage on schema graphql_public to postgres, anon, authenticated, service_role;

create schema realtime authorization supabase_admin;
grant usage on schema realtime to postgres;

create extension pgcrypto schema extensions;
create extension "uuid-ossp" schema extensions;
