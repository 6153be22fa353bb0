-- What is right and what is not.

-- health(counting) -> rows (check, ok, detail, fix), the most urgent first
-- counting: whether sessions are looked at too, which reads them all.
drop function if exists supasession.health();
create or replace function supasession.health(counting boolean default true)
returns table ("check" text, ok boolean, detail text, fix text)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    settings supasession.config;
    wires supasession.wiring;
    installed record;
    expected record;
    over record;
    present text := supasession._configured_pre_request();
    guard_wired constant boolean := supasession._guard_wired();
    missing text;
    amount bigint;
    ruled boolean;
begin
    select * into settings from supasession.config;
    select * into wires from supasession.wiring;

    return query select
        'hook executable by Auth',
        h.can, case when not h.can then 'supabase_auth_admin may not call supasession.access_token_hook: with the hook enabled every sign-in fails' end,
        case when not h.can then 'put it back: supasession doctor --fix' end
    from (
        -- By oid, which is null for a function that is gone: by name it would raise.
        select coalesce(
            pg_catalog.has_schema_privilege('supabase_auth_admin', 'supasession', 'usage')
            and pg_catalog.has_function_privilege(
                'supabase_auth_admin', pg_catalog.to_regprocedure('supasession.access_token_hook(jsonb)')::oid, 'execute'
            )
            and pg_catalog.has_function_privilege(
                'supabase_auth_admin', pg_catalog.to_regprocedure('supasession._hook_answer(uuid)')::oid, 'execute'
            ),
            false
        ) as can
    ) h;

    select i.version, i.checksum into installed from supasession.installation i;
    return query select
        'installation', installed.version is not null,
        case
            when installed.version is null then 'there is no record of what is installed'
            else pg_catalog.format('release %s, %s', installed.version, coalesce(installed.checksum, 'run by hand'))
        end,
        case when installed.version is null then 'supasession init --apply' end;

    for expected in
        select * from (values
            ('supasession_interceptor', 'auth.sessions', 'supasession._limiter()'),
            ('supasession_refresh', 'auth.sessions', 'supasession._on_refresh()'),
            ('supasession_aal', 'auth.sessions', 'supasession._on_aal_rise()'),
            ('supasession_factor', 'auth.mfa_amr_claims', 'supasession._on_factor()'),
            ('supasession_saml', 'auth.mfa_amr_claims', 'supasession._on_saml()'),
            ('supasession_recovery', 'auth.users', 'supasession._on_recovery()'),
            ('supasession_account', 'auth.users', 'supasession._on_account_change()'),
            ('refuse_at_commit', 'supasession.refusal', 'supasession._refuse_at_commit()'),
            ('config_history', 'supasession.config', 'supasession._on_settings_change()'),
            ('rules_history', 'supasession.rules', 'supasession._on_settings_change()')
        ) t (name, relation, function)
    loop
        select case
            when t.oid is null then pg_catalog.format('trigger %s on %s is missing', expected.name, expected.relation)
            when t.tgenabled not in ('O', 'A') then pg_catalog.format('trigger %s on %s is disabled', expected.name, expected.relation)
            when t.tgfoid <> pg_catalog.to_regprocedure(expected.function) then
                pg_catalog.format('trigger %s on %s calls %s', expected.name, expected.relation, t.tgfoid::pg_catalog.regprocedure)
        end into missing
        from (select) one
        left join pg_catalog.pg_trigger t
            on t.tgrelid = pg_catalog.to_regclass(expected.relation) and t.tgname = expected.name;
        return query select
            'trigger ' || expected.name, missing is null, missing,
            case when missing is not null then 'put it back: supasession doctor --fix' end;
    end loop;

    for expected in
        select * from (values
            ('auth.sessions', 'select, update, delete, trigger'),
            ('auth.users', 'select, update, trigger'),
            ('auth.mfa_amr_claims', 'select, trigger'),
            ('auth.mfa_factors', 'select'),
            ('auth.flow_state', 'select')
        ) t (relation, privileges)
    loop
        select pg_catalog.string_agg(p.privilege, ', ') into missing
        from pg_catalog.unnest(pg_catalog.string_to_array(expected.privileges, ', ')) p (privilege)
        where pg_catalog.to_regclass(expected.relation) is null
            or not pg_catalog.has_table_privilege(pg_catalog.to_regclass(expected.relation), p.privilege);
        return query select
            'rights on ' || expected.relation, missing is null,
            case when missing is not null then pg_catalog.format('%s lacks: %s', current_user, missing) end,
            case when missing is not null then 'ask the operator of the database for these rights' end;
    end loop;

    return query select
        'settings', settings.version is not null,
        case when settings.version is null then 'there is no row in supasession.config: limits are off' end,
        case when settings.version is null then 'supasession config --enable' end;

    -- A delete-and-insert puts everything but the three settings of 0.1.2 back to its default; the history shows what was there before.
    select e.details -> 'old' as settings into expected
    from supasession.events e
    where e.kind = 'settings_changed' and e.reason = 'delete'
        and not exists (select from supasession.events l where l.kind = 'settings_changed' and l.reason = 'update' and l.id > e.id)
    order by e.id desc
    limit 1;
    select pg_catalog.string_agg(o.key, ', ' order by o.key) into missing
    from pg_catalog.jsonb_each(expected.settings) o
    where o.key not in ('version', 'enabled', 'max_sessions', 'strategy')
        and settings.version is not null
        and o.value is distinct from pg_catalog.to_jsonb(settings) -> o.key;
    return query select
        'settings kept', missing is null,
        case when missing is not null then 'a delete-and-insert put back to their defaults: ' || missing end,
        case when missing is not null then 'set them again: supasession config' end;

    return query select
        'next hook', w.found, case when not w.found then pg_catalog.format('%I.%I(jsonb) returning jsonb is not there', wires.next_hook_schema, wires.next_hook_function) end,
        case when not w.found then 'create it, or unwire it: supasession hook disable' end
    from (
        select wires.next_hook_function is null or not (supasession._hook_answer(null)).next_missing as found
    ) w;

    return query select
        'pre-request', w.found,
        case when not w.found then
            case when guard_wired then pg_catalog.format('%I.%I() is not there', wires.pre_request_schema, wires.pre_request_function)
            else pg_catalog.format('pgrst.db_pre_request names %s, which is not there: every request of the Data API fails', present) end
        end,
        case when not w.found then 'create it, or unwire it: supasession guard disable' end
    from (
        select case
            when guard_wired then coalesce(not (supasession._pre_request()).pre_request_missing, true)
            -- A bare name may stand in any schema.
            when coalesce(present, '') not like '%.%' then true
            else pg_catalog.to_regprocedure(
                pg_catalog.format(
                    '%I.%I()',
                    pg_catalog.split_part(present, '.', 1),
                    pg_catalog.substr(present, pg_catalog.strpos(present, '.') + 1)
                )
            ) is not null
        end as found
    ) w;

    select pg_catalog.string_agg(r.rolname, ', ' order by r.rolname) into missing
    from pg_catalog.pg_roles r
    where guard_wired
        and r.rolname <> 'authenticator'
        and pg_catalog.pg_has_role('authenticator', r.oid, 'member')
        and not coalesce(
            pg_catalog.has_schema_privilege(r.oid, 'supasession', 'usage')
            and pg_catalog.has_function_privilege(r.oid, pg_catalog.to_regprocedure('supasession.check_request()')::oid, 'execute')
            and pg_catalog.has_function_privilege(r.oid, pg_catalog.to_regprocedure('supasession.has_access()')::oid, 'execute')
            and pg_catalog.has_function_privilege(r.oid, pg_catalog.to_regprocedure('supasession._pre_request()')::oid, 'execute'),
            false
        );
    return query select
        'guard for every role', missing is null,
        case when missing is not null then 'requests as these roles fail: ' || missing end,
        case when missing is not null then 'select supasession.enable_guard()' end;

    -- supautils decides on hosted projects what postgres may do beyond its rights; where it is not loaded these are not there.
    return query select 'supautils ' || s.name, true, s.value, null::text
    from (
        select n.name, pg_catalog.current_setting(n.name, true) as value
        from (values ('supautils.drop_trigger_grants'), ('supautils.policy_grants'), ('supautils.privileged_role_allowed_configs')) n (name)
    ) s
    where s.value is not null;

    if settings.enabled and counting then
        select i.users_over, i.sessions_over into over from supasession.impact(at_limit => false) i;
        return query select
            'users over the limit', over.users_over = 0,
            case when over.users_over > 0 then pg_catalog.format('%s users, %s sessions', over.users_over, over.sessions_over) end,
            case when over.users_over > 0 then 'supasession enforce' end;

        if settings.mode = 'enforce' and (settings.timebox is not null or settings.inactivity_timeout is not null) then
            ruled := exists (select from supasession.rules r where r.no_deadline);
            select pg_catalog.count(*) into amount
            from auth.sessions s
            left join auth.users u on ruled and u.id = s.user_id
            left join lateral (
                select p.* from supasession._user_policy(settings, s.user_id, u.raw_app_meta_data, s.oauth_client_id) p where ruled
            ) y on true
            where s.not_after is null and (not ruled or y.timebox is not null or y.inactivity_timeout is not null);
            return query select
                'deadlines', amount = 0,
                case when amount > 0 then pg_catalog.format('%s sessions have none yet; they get one at their next refresh', amount) end,
                case when amount > 0 then 'supasession enforce' end;
        end if;
    end if;
end
$$;
comment on function supasession.health(boolean) is 'What is right and what is not: check, ok, detail, fix';
