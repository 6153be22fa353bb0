-- What of the project's own uses ours, so that nothing of it goes unseen when we go.

-- dependents() -> rows (kind, name, definition, restrictive, drop_statement)
-- Objects outside of our schema that use something in it: those that DROP SCHEMA ... CASCADE would take along, by the catalog, and functions that name our
-- schema in their text, which would stay and fail. restrictive: of a policy, whether it narrows what others allow. drop_statement is null for what has to
-- be changed by hand. Our own triggers on the tables of Auth are left out.
create or replace function supasession.dependents()
returns table (kind text, name text, definition text, restrictive boolean, drop_statement text)
language sql
stable
set search_path = ''
as $$
    with ours as (
        select 'pg_catalog.pg_proc'::pg_catalog.regclass as class, p.oid
        from pg_catalog.pg_proc p where p.pronamespace = 'supasession'::pg_catalog.regnamespace
        union all
        select 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid
        from pg_catalog.pg_class c where c.relnamespace = 'supasession'::pg_catalog.regnamespace
        union all
        select 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid
        from pg_catalog.pg_type t where t.typnamespace = 'supasession'::pg_catalog.regnamespace
    ),
    users as (
        select distinct d.classid, d.objid, d.objsubid
        from pg_catalog.pg_depend d
        join ours o on o.class = d.refclassid and o.oid = d.refobjid
        where d.deptype in ('n', 'a')
    )
    select 'policy', pg_catalog.format('%I on %s', p.polname, p.polrelid::pg_catalog.regclass),
        pg_catalog.pg_get_expr(coalesce(p.polqual, p.polwithcheck), p.polrelid),
        not p.polpermissive,
        pg_catalog.format('drop policy if exists %I on %s', p.polname, p.polrelid::pg_catalog.regclass)
    from users u
    join pg_catalog.pg_policy p on u.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass and p.oid = u.objid
    union all
    select case c.relkind when 'm' then 'materialized view' else 'view' end, c.oid::pg_catalog.regclass::text,
        pg_catalog.pg_get_viewdef(c.oid),
        null,
        pg_catalog.format('drop %s if exists %s', case c.relkind when 'm' then 'materialized view' else 'view' end, c.oid::pg_catalog.regclass)
    from users u
    join pg_catalog.pg_rewrite r on u.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and r.oid = u.objid
    join pg_catalog.pg_class c on c.oid = r.ev_class and c.relkind in ('v', 'm')
    where c.relnamespace <> 'supasession'::pg_catalog.regnamespace
    union all
    select 'constraint', pg_catalog.format('%I on %s', k.conname, k.conrelid::pg_catalog.regclass), pg_catalog.pg_get_constraintdef(k.oid), null,
        pg_catalog.format('alter table %s drop constraint if exists %I', k.conrelid::pg_catalog.regclass, k.conname)
    from users u
    join pg_catalog.pg_constraint k on u.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass and k.oid = u.objid
    join pg_catalog.pg_class c on c.oid = k.conrelid
    where c.relnamespace <> 'supasession'::pg_catalog.regnamespace
    union all
    select 'default', pg_catalog.format('%s of %s', a.attname, e.adrelid::pg_catalog.regclass), pg_catalog.pg_get_expr(e.adbin, e.adrelid), null,
        pg_catalog.format('alter table %s alter column %I drop default', e.adrelid::pg_catalog.regclass, a.attname)
    from users u
    join pg_catalog.pg_attrdef e on u.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass and e.oid = u.objid
    join pg_catalog.pg_attribute a on a.attrelid = e.adrelid and a.attnum = e.adnum
    join pg_catalog.pg_class c on c.oid = e.adrelid
    where c.relnamespace <> 'supasession'::pg_catalog.regnamespace
    union all
    select 'trigger', pg_catalog.format('%I on %s', t.tgname, t.tgrelid::pg_catalog.regclass), pg_catalog.pg_get_triggerdef(t.oid), null, null
    from users u
    join pg_catalog.pg_trigger t on u.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass and t.oid = u.objid
    join pg_catalog.pg_class c on c.oid = t.tgrelid
    where not t.tgisinternal
        and c.relnamespace <> 'supasession'::pg_catalog.regnamespace
        and not (c.relnamespace = 'auth'::pg_catalog.regnamespace and pg_catalog.starts_with(t.tgname, 'supasession_'))
    union all
    select 'column', pg_catalog.format('%I of %s', a.attname, c.oid::pg_catalog.regclass), pg_catalog.format_type(a.atttypid, a.atttypmod), null, null
    from users u
    join pg_catalog.pg_class c on u.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and c.oid = u.objid and c.relkind in ('r', 'p')
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = u.objsubid
    where c.relnamespace <> 'supasession'::pg_catalog.regnamespace
    union all
    -- By the catalog (a body in standard SQL, a parameter of a type of ours), or by its text.
    select case p.prokind when 'p' then 'procedure' else 'function' end, p.oid::pg_catalog.regprocedure::text,
        -- A body in standard SQL has no text of its own.
        coalesce(nullif(p.prosrc, ''), pg_catalog.pg_get_function_sqlbody(p.oid)),
        null,
        pg_catalog.format('drop %s if exists %s', case p.prokind when 'p' then 'procedure' else 'function' end, p.oid::pg_catalog.regprocedure)
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname not in ('supasession', 'pg_catalog', 'information_schema')
        and p.prokind in ('f', 'p')
        and (
            p.prosrc ~* '\msupasession"?\s*\.'
            or exists (
                select from users u
                where u.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and u.objid = p.oid
            )
        )
    order by 1, 2;
$$;
comment on function supasession.dependents() is 'What of the project''s own uses supasession';
