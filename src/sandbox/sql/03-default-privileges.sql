-- What everybody gets on things made later, by who makes them and where.
--
-- Tables: the seven privileges are named one by one, because `all` would on Postgres 17 take in MAINTAIN, which projects
-- on Postgres 15 do not have.

-- Whatever a developer makes in public is open to the API roles: row security has to guard it. A function there can be
-- called by everyone who is not shut out by name.
alter default privileges for role postgres in schema public
  grant select, insert, update, delete, truncate, references, trigger on tables to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  grant all on sequences to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public
  grant select, insert, update, delete, truncate, references, trigger on tables to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public
  grant all on sequences to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public
  grant all on functions to postgres, anon, authenticated, service_role;

-- What Auth makes in its schema, postgres and the dashboard may use.
alter default privileges for role supabase_auth_admin in schema auth
  grant select, insert, update, delete, truncate, references, trigger on tables to postgres, dashboard_user;
alter default privileges for role supabase_auth_admin in schema auth
  grant all on sequences to postgres, dashboard_user;
alter default privileges for role supabase_auth_admin in schema auth
  grant all on routines to postgres, dashboard_user;

alter default privileges for role postgres in schema storage
  grant select, insert, update, delete, truncate, references, trigger on tables to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema storage
  grant all on sequences to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema storage
  grant all on functions to postgres, anon, authenticated, service_role;

alter default privileges for role supabase_admin in schema graphql_public
  grant select, insert, update, delete, truncate, references, trigger on tables to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema graphql_public
  grant all on sequences to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema graphql_public
  grant all on functions to postgres, anon, authenticated, service_role;

alter default privileges for role supabase_admin in schema realtime
  grant select, insert, update, delete, truncate, references, trigger on tables to postgres, dashboard_user;
alter default privileges for role supabase_admin in schema realtime
  grant all on sequences to postgres, dashboard_user;
alter default privileges for role supabase_admin in schema realtime
  grant all on functions to postgres, dashboard_user;

alter default privileges for role supabase_admin in schema extensions
  grant select, insert, update, delete, truncate, references, trigger on tables to postgres with grant option;
alter default privileges for role supabase_admin in schema extensions
  grant all on sequences to postgres with grant option;
alter default privileges for role supabase_admin in schema extensions
  grant all on functions to postgres with grant option;
