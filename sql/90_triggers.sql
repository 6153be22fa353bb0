-- The triggers, last: until here the database enforces what it enforced before. Each is made only where it is not right already, because
-- making one needs a lock that sign-ins wait for. Never DROP TRIGGER: on hosted projects it locks a dozen auth tables.
--
-- A trigger is right when the catalog prints it as it is written here; a disabled one is made again, which enables it.
do $$
declare
    wanted record;
    path constant text := pg_catalog.current_setting('search_path');
begin
    -- What the path finds the catalog prints without its schema.
    perform pg_catalog.set_config('search_path', '', true);
    for wanted in
        select * from (values
            ('auth.sessions', 'CREATE TRIGGER supasession_interceptor BEFORE INSERT ON auth.sessions FOR EACH ROW EXECUTE FUNCTION supasession._limiter()'),
            ('auth.sessions', 'CREATE TRIGGER supasession_refresh BEFORE UPDATE OF refreshed_at ON auth.sessions FOR EACH ROW WHEN ((old.refreshed_at IS DISTINCT FROM new.refreshed_at)) EXECUTE FUNCTION supasession._on_refresh()'),
            ('auth.sessions', 'CREATE TRIGGER supasession_aal BEFORE UPDATE OF aal ON auth.sessions FOR EACH ROW WHEN ((new.aal > old.aal)) EXECUTE FUNCTION supasession._on_aal_rise()'),
            ('auth.mfa_amr_claims', 'CREATE TRIGGER supasession_factor BEFORE INSERT ON auth.mfa_amr_claims FOR EACH ROW WHEN ((new.authentication_method = ANY (''{totp,mfa/phone,mfa/webauthn}''::text[]))) EXECUTE FUNCTION supasession._on_factor()'),
            ('auth.mfa_amr_claims', 'CREATE TRIGGER supasession_saml BEFORE INSERT ON auth.mfa_amr_claims FOR EACH ROW WHEN ((new.authentication_method = ''sso/saml''::text)) EXECUTE FUNCTION supasession._on_saml()'),
            ('auth.users', 'CREATE TRIGGER supasession_recovery AFTER UPDATE OF recovery_token ON auth.users FOR EACH ROW WHEN ((((old.recovery_token)::text <> ''''::text) AND ((new.recovery_token)::text = ''''::text))) EXECUTE FUNCTION supasession._on_recovery()'),
            ('auth.users', 'CREATE TRIGGER supasession_account AFTER UPDATE OF encrypted_password, banned_until, deleted_at ON auth.users FOR EACH ROW WHEN ((((old.encrypted_password)::text IS DISTINCT FROM (new.encrypted_password)::text) OR (old.banned_until IS DISTINCT FROM new.banned_until) OR (old.deleted_at IS DISTINCT FROM new.deleted_at))) EXECUTE FUNCTION supasession._on_account_change()')
        ) t (relation, definition)
    loop
        if not exists (
            select from pg_catalog.pg_trigger t
            where t.tgrelid = wanted.relation::pg_catalog.regclass
                and t.tgenabled = 'O'
                and pg_catalog.pg_get_triggerdef(t.oid) = wanted.definition
        ) then
            execute pg_catalog.replace(wanted.definition, 'CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER');
        end if;
    end loop;
    perform pg_catalog.set_config('search_path', path, true);
end
$$;
