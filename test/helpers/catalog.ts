import type {Client} from 'pg';

/**
 * Everything in a database that is ours, from the catalog, one line an object: schema, types, tables, columns in their order,
 * constraints, indexes, functions, triggers (wherever they are), policies, comments, owners, privileges (the default ones spelt
 * out), membership of an extension. Two databases with the same lines have the same schema.
 */
const DUMP = `
with ours as (
  select 'pg_namespace'::regclass::oid as classid, n.oid, 0 as subid,
    'schema ' || n.nspname as name, n.nspowner as owner, coalesce(n.nspacl, acldefault('n', n.nspowner)) as acl, '' as definition
  from pg_namespace n where n.nspname = 'supasession'
  union all
  select 'pg_type'::regclass, t.oid, 0, 'type ' || t.typname, t.typowner, coalesce(t.typacl, acldefault('T', t.typowner)),
    t.typtype::text || ' ' || coalesce((select string_agg(e.enumlabel, ',' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid), '')
  from pg_type t where t.typnamespace = to_regnamespace('supasession')
  union all
  select 'pg_class'::regclass, c.oid, 0, 'relation ' || c.relname, c.relowner,
    coalesce(c.relacl, case when c.relkind = 'r' then acldefault('r', c.relowner) end),
    concat_ws(' ', c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.reloptions, c.relreplident,
      case when c.relkind = 'i' then pg_get_indexdef(c.oid) end)
  from pg_class c where c.relnamespace = to_regnamespace('supasession')
  union all
  select 'pg_class'::regclass, a.attrelid, a.attnum, 'column ' || c.relname || '.' || a.attname, null, a.attacl,
    concat_ws(' ', rank() over (partition by c.oid order by a.attnum), format_type(a.atttypid, a.atttypmod), a.attnotnull,
      a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid))
  from pg_class c join pg_attribute a on a.attrelid = c.oid left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  where c.relnamespace = to_regnamespace('supasession') and c.relkind in ('c', 'r') and a.attnum > 0 and not a.attisdropped
  union all
  select 'pg_constraint'::regclass, c.oid, 0, 'constraint ' || c.conrelid::regclass || ' ' || c.conname, null, null,
    concat_ws(' ', c.convalidated, pg_get_constraintdef(c.oid))
  from pg_constraint c where c.connamespace = to_regnamespace('supasession')
  union all
  select 'pg_proc'::regclass, p.oid, 0, 'function ' || p.oid::regprocedure, p.proowner,
    coalesce(p.proacl, acldefault('f', p.proowner)), pg_get_functiondef(p.oid)
  from pg_proc p where p.pronamespace = to_regnamespace('supasession')
  union all
  select 'pg_trigger'::regclass, t.oid, 0, 'trigger ' || t.tgname || ' on ' || t.tgrelid::regclass, null, null,
    concat_ws(' ', t.tgenabled, t.tgdeferrable, t.tginitdeferred, pg_get_triggerdef(t.oid))
  from pg_trigger t join pg_proc p on p.oid = t.tgfoid
  where not t.tgisinternal and p.pronamespace = to_regnamespace('supasession')
  union all
  select 'pg_policy'::regclass, p.oid, 0, 'policy ' || p.polname || ' on ' || p.polrelid::regclass, null, null,
    concat_ws(' ', p.polcmd, p.polpermissive, p.polroles::regrole[], pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
  from pg_policy p join pg_class c on c.oid = p.polrelid where c.relnamespace = to_regnamespace('supasession')
  union all
  select 'pg_default_acl'::regclass, d.oid, 0, 'default privileges ' || d.defaclrole::regrole || ' ' || d.defaclobjtype::text, null, d.defaclacl, ''
  from pg_default_acl d where d.defaclnamespace = to_regnamespace('supasession')
)
select concat_ws(' | ', name, owner::regrole, definition,
  (select 'granted ' || string_agg(concat(case a.grantee when 0 then 'public' else a.grantee::regrole::text end, '=', a.privilege_type,
      case when a.is_grantable then '*' end), ' ' order by a.grantee::regrole::text, a.privilege_type) from aclexplode(acl) a),
  'comment ' || case when classid = 'pg_class'::regclass and subid > 0 then col_description(oid, subid)
    else obj_description(oid, classid::regclass::name) end,
  (select 'member of extension ' || e.extname from pg_depend d join pg_extension e on e.oid = d.refobjid
    where d.classid = ours.classid and d.objid = ours.oid and d.deptype = 'e' and d.objsubid = ours.subid),
  (select 'initial privileges' from pg_init_privs i where i.classoid = ours.classid and i.objoid = ours.oid and i.objsubid = ours.subid)
) as line
from ours order by name`;

/** The lines of DUMP. Empty where nothing of ours is installed. */
export async function dumpCatalog(client: Client): Promise<string[]> {
  const {rows} = await client.query<{line: string}>(DUMP);
  return rows.map(({line}) => line);
}
