-- Takes over the extension supasession 0.1.2 ("Snehil_Shah@supasession" of database.dev). DROP EXTENSION
-- fails on its trigger, and with CASCADE drops the project's policies that use sid(). So detach each member,
-- which goes on working, and drop the empty extension. The later parts replace the members in place.
do $$
declare
  extension record;
  member record;
begin
  for extension in
    select e.oid, e.extname from pg_extension e
    join pg_depend d on d.refclassid = 'pg_extension'::regclass and d.refobjid = e.oid and d.deptype = 'e'
    where d.classid = 'pg_namespace'::regclass and d.objid = to_regnamespace('supasession')
  loop
    loop
      -- One at a time: Postgres 17 detaches a type's array and a table's row type together with it. Those
      -- come last, and may be gone by then.
      select o.type, o.identity into member from pg_depend d
      cross join lateral pg_identify_object(d.classid, d.objid, d.objsubid) o
      left join pg_type t on d.classid = 'pg_type'::regclass and t.oid = d.objid
      where d.refclassid = 'pg_extension'::regclass and d.refobjid = extension.oid and d.deptype = 'e'
      order by t.oid is not null and (t.typarray = 0 or t.typrelid <> 0), d.objid limit 1;
      exit when not found;
      execute format('alter extension %I drop %s %s', extension.extname, member.type, member.identity);
    end loop;
    execute format('drop extension %I', extension.extname);
  end loop;
end
$$;
