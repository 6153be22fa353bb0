-- Objects of the project that use supasession: what DROP SCHEMA ... CASCADE would drop too, and functions that name the
-- schema in their text, which would stay and fail. Leaves out the triggers of supasession on Auth's tables.
-- Needs the schema, and search_path = pg_catalog, so that names are printed with their schemas.
-- Rows: kind, name, definition, restrictive (for policies), drop_statement (null: has to be changed by hand)
with schema as (
    select 'supasession'::regnamespace::oid as oid
),
owned as (
    select 'pg_proc'::regclass as class, p.oid from pg_proc p where p.pronamespace = (select oid from schema)
    union all
    select 'pg_class'::regclass, c.oid from pg_class c where c.relnamespace = (select oid from schema)
    union all
    select 'pg_type'::regclass, t.oid from pg_type t where t.typnamespace = (select oid from schema)
),
users as (
    select distinct d.classid, d.objid, d.objsubid
    from pg_depend d
    join owned o on o.class = d.refclassid and o.oid = d.refobjid
    where d.deptype in ('n', 'a')
),
relations as (
    select c.oid, c.oid::regclass::text as name, c.relkind, c.relnamespace = 'auth'::regnamespace as auth
    from pg_class c
    where c.relnamespace <> (select oid from schema)
)
select
    'policy' as kind,
    format('%I on %s', p.polname, c.name) as name,
    pg_get_expr(coalesce(p.polqual, p.polwithcheck), p.polrelid) as definition,
    not p.polpermissive as restrictive,
    format('drop policy if exists %I on %s', p.polname, c.name) as drop_statement
from users u
join pg_policy p on u.classid = 'pg_policy'::regclass and p.oid = u.objid
join relations c on c.oid = p.polrelid
union all
select v.kind, v.name, pg_get_viewdef(v.oid), null, format('drop %s if exists %s', v.kind, v.name)
from users u
join pg_rewrite r on u.classid = 'pg_rewrite'::regclass and r.oid = u.objid
join (
    select c.oid, c.name, case c.relkind when 'm' then 'materialized view' else 'view' end as kind
    from relations c
    where c.relkind in ('v', 'm')
) v on v.oid = r.ev_class
union all
select
    'constraint', format('%I on %s', k.conname, c.name), pg_get_constraintdef(k.oid), null,
    format('alter table %s drop constraint if exists %I', c.name, k.conname)
from users u
join pg_constraint k on u.classid = 'pg_constraint'::regclass and k.oid = u.objid
join relations c on c.oid = k.conrelid
union all
select
    'default', format('%s of %s', a.attname, c.name), pg_get_expr(e.adbin, e.adrelid), null,
    format('alter table %s alter column %I drop default', c.name, a.attname)
from users u
join pg_attrdef e on u.classid = 'pg_attrdef'::regclass and e.oid = u.objid
join pg_attribute a on a.attrelid = e.adrelid and a.attnum = e.adnum
join relations c on c.oid = e.adrelid
union all
select 'trigger', format('%I on %s', t.tgname, c.name), pg_get_triggerdef(t.oid), null, null
from users u
join pg_trigger t on u.classid = 'pg_trigger'::regclass and t.oid = u.objid
join relations c on c.oid = t.tgrelid
where not t.tgisinternal and not (c.auth and starts_with(t.tgname, 'supasession_'))
union all
select 'column', format('%I of %s', a.attname, c.name), format_type(a.atttypid, a.atttypmod), null, null
from users u
join relations c on u.classid = 'pg_class'::regclass and c.oid = u.objid and c.relkind in ('r', 'p')
join pg_attribute a on a.attrelid = c.oid and a.attnum = u.objsubid
union all
-- Found by the catalog (a body in standard SQL, the type of a parameter) or by the text.
select
    f.kind, f.name,
    -- A body in standard SQL has no text of its own.
    coalesce(nullif(f.prosrc, ''), pg_get_function_sqlbody(f.oid)),
    null,
    format('drop %s if exists %s', f.kind, f.name)
from (
    select p.*, case p.prokind when 'p' then 'procedure' else 'function' end as kind, p.oid::regprocedure::text as name
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    where n.nspname not in ('supasession', 'pg_catalog', 'information_schema') and p.prokind in ('f', 'p')
) f
where f.prosrc ~* '\msupasession"?\s*\.'
    or exists (select from users u where u.classid = 'pg_proc'::regclass and u.objid = f.oid)
order by kind, name
