-- The triggers, last: until here the database enforces what it enforced before. A trigger is created only if
-- it is missing or differs, because creating one locks. No column list and no WHEN: they would block Auth's
-- migrations of that column. Never DROP TRIGGER: on hosted projects it locks a dozen tables of Auth.
do $$
declare
  wanted record;
begin
  for wanted in
    select t.relation, format(
      'CREATE TRIGGER %s %s ON %s FOR EACH ROW EXECUTE FUNCTION supasession.%s()',
      t.name, t.moment, t.relation, t.function
    ) as definition
    from (values
      ('auth.sessions', 'supasession_interceptor', 'BEFORE INSERT', '_limiter'),
      ('auth.sessions', 'supasession_refresh', 'BEFORE UPDATE', '_on_refresh'),
      ('supasession.config', 'config_write', 'BEFORE INSERT OR UPDATE', '_on_settings_write'),
      ('supasession.config', 'config_history', 'AFTER INSERT OR DELETE OR UPDATE', '_on_settings_change'),
      ('supasession.rules', 'rules_history', 'AFTER INSERT OR DELETE OR UPDATE', '_on_settings_change')
    ) t (relation, name, moment, function)
  loop
    if not exists (
      select from pg_trigger t
      where t.tgrelid = wanted.relation::regclass and t.tgenabled = 'O'
        and pg_get_triggerdef(t.oid) = wanted.definition
    ) then
      execute replace(wanted.definition, 'CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER');
    end if;
  end loop;
  if not exists (
    select from pg_trigger t
    where t.tgname = 'refuse_at_commit' and t.tgrelid = 'supasession.pending_rejections'::regclass
  ) then
    create constraint trigger refuse_at_commit after insert on supasession.pending_rejections
      deferrable initially deferred for each row execute function supasession._refuse_at_commit();
  end if;
  alter table supasession.pending_rejections enable trigger refuse_at_commit;
  -- The functions above were created with a SET clause, which must not apply to a function they call.
  perform supasession._chain(i.kind, i.schema_name, i.function_name) from supasession.integration i;
end
$$;
