-- Checks an installation by the catalog only, so that it has an answer even if a table of supasession is broken.
-- Needs the schema.
-- Rows: check, ok, detail (what is wrong, or worth knowing), fix (null if ok); the most urgent first
with schema as (
    select
        n.oid,
        -- The functions have the rights of this role.
        coalesce(
            (select p.proowner from pg_proc p where p.oid = to_regprocedure('supasession._limiter()')), n.nspowner
        ) as owner
    from pg_namespace n
    where n.nspname = 'supasession'
),
triggers (relation, name, function) as (values
    ('auth.sessions', 'supasession_interceptor', 'supasession._limiter()'),
    ('auth.sessions', 'supasession_refresh', 'supasession._on_refresh()'),
    ('supasession.pending_rejections', 'refuse_at_commit', 'supasession._refuse_at_commit()'),
    ('supasession.config', 'config_write', 'supasession._on_settings_write()'),
    ('supasession.config', 'config_history', 'supasession._on_settings_change()'),
    ('supasession.rules', 'rules_history', 'supasession._on_settings_change()')
),
-- The columns that the functions use, with their types; "any" for those of Auth that may be of any type. Problems of
-- Auth's columns come last: supasession cannot fix them.
columns as (
    select t.relation, c.name, c.type, starts_with(t.relation, 'auth.') as auth
    from (values
        ('supasession.config', '{"version": "text", "enabled": "boolean", "max_sessions": "integer",
            "strategy": "supasession.enforcement_strategy", "eviction_order": "text", "mode": "text", "timebox": "interval",
            "inactivity_timeout": "interval", "low_aal_timeout": "interval", "reject_in_hook": "boolean",
            "refusal_message": "text", "reject_ignores_idle": "interval", "oauth_clients": "text",
            "record_device_changes": "boolean", "record_events": "boolean", "events_retention": "interval"}'::jsonb),
        ('supasession.rules', '{"name": "text", "priority": "integer", "user_id": "uuid", "app_metadata": "jsonb",
            "oauth_client_id": "uuid", "max_sessions": "integer", "unlimited": "boolean",
            "strategy": "supasession.enforcement_strategy", "timebox": "interval", "inactivity_timeout": "interval",
            "no_deadline": "boolean"}'),
        ('supasession.revoked', '{"user_id": "uuid", "at": "timestamptz", "reason": "text"}'),
        ('supasession.pending_ends', '{"session_id": "uuid", "user_id": "uuid", "at": "timestamptz", "reason": "text"}'),
        ('supasession.foreign_deadlines', '{"session_id": "uuid", "not_after": "timestamptz"}'),
        ('supasession.pending_rejections', '{"session_id": "uuid", "hook_message": "text", "trigger_message": "text"}'),
        ('supasession.integration', '{"kind": "text", "schema_name": "text", "function_name": "text"}'),
        ('supasession.events', '{"id": "bigint", "at": "timestamptz", "kind": "text", "user_id": "uuid",
            "session_id": "uuid", "reason": "text", "caused_by": "text", "details": "jsonb"}'),
        ('auth.sessions', '{"id": "uuid", "user_id": "uuid", "created_at": "timestamptz", "refreshed_at": "timestamp",
            "not_after": "timestamptz", "aal": "any", "user_agent": "any", "ip": "inet", "oauth_client_id": "uuid"}'),
        ('auth.users', '{"id": "uuid", "raw_app_meta_data": "jsonb", "banned_until": "timestamptz",
            "deleted_at": "timestamptz"}'),
        ('auth.mfa_factors', '{"user_id": "uuid", "status": "any"}'),
        ('auth.mfa_amr_claims', '{"session_id": "uuid", "authentication_method": "any"}'),
        ('auth.flow_state', '{"user_id": "uuid", "authentication_method": "any", "created_at": "timestamptz",
            "updated_at": "timestamptz"}')
    ) t (relation, columns)
    cross join lateral jsonb_each_text(t.columns) c (name, type)
),
unfit as (
    select
        c.relation, c.name, c.auth,
        case
            when r.oid is null then format('%s is missing', c.relation)
            when a.attnum is null then format('%s.%s is missing', c.relation, c.name)
            when c.type <> 'any' and a.atttypid is distinct from to_regtype(c.type)
                then format('%s.%s is of type %s', c.relation, c.name, format_type(a.atttypid, a.atttypmod))
        end as problem,
        case
            -- The SQL of supasession adds these itself.
            when r.oid is null or a.attnum is null and c.relation = 'supasession.config'
                and c.name not in ('version', 'enabled', 'max_sessions', 'strategy') then null
            when a.attnum is null then format('alter table %s add column %I %s', c.relation, c.name, c.type)
            else format('alter table %s alter column %I type %s using %2$I::%3$s', c.relation, c.name, c.type)
        end as statement
    from columns c
    left join pg_class r on r.oid = to_regclass(c.relation)
    left join pg_attribute a on a.attrelid = r.oid and a.attname = c.name and not a.attisdropped
),
checks (place, name, problem, detail, fix) as (
    select
        1, 'hook executable by Auth',
        case
            when has_schema_privilege('supabase_auth_admin', s.oid, 'usage')
                -- By oid, which is null for a missing function: a name would raise an error.
                and has_function_privilege(
                    'supabase_auth_admin', to_regprocedure('supasession.access_token_hook(jsonb)')::oid, 'execute'
                )
                and has_function_privilege(
                    'supabase_auth_admin', to_regprocedure('supasession._hook_answer(uuid)')::oid, 'execute'
                ) then null
            else 'supabase_auth_admin may not call supasession.access_token_hook: if the hook is enabled, every sign-in fails'
        end,
        null,
        'restore it: supasession doctor --fix'
    from schema s
    union all
    select
        2, 'trigger ' || e.name,
        case
            when t.oid is null then format('trigger %s on %s is missing', e.name, e.relation)
            when t.tgenabled not in ('O', 'A') then format('trigger %s on %s is disabled', e.name, e.relation)
            when t.tgfoid is distinct from to_regprocedure(e.function)
                then format('trigger %s on %s calls %s', e.name, e.relation, t.tgfoid::regprocedure)
        end,
        null,
        'restore it: supasession doctor --fix'
    from triggers e
    left join pg_trigger t on t.tgrelid = to_regclass(e.relation) and t.tgname = e.name and not t.tgisinternal
    union all
    select
        case when u.auth then 4 else 3 end,
        'table ' || u.relation,
        string_agg(distinct u.problem, '; '),
        null,
        case
            when u.auth then 'a newer release may support this version of Auth: npm install --save-dev supasession@latest'
            else coalesce(
                string_agg(u.statement, '; ' order by u.name) filter (where u.problem is not null),
                'restore it: supasession doctor --fix'
            )
        end
    from unfit u
    group by u.auth, u.relation
    union all
    -- What row_security_active() says, for the owner of the functions.
    select
        5, 'row level security',
        'the functions run as role ' || s.owner::regrole || ', and row level security hides rows from that role on '
            || string_agg('auth.' || c.relname, ', ' order by c.relname),
        null,
        'run as a superuser: alter role ' || s.owner::regrole || ' bypassrls'
    from schema s
    join pg_roles r on r.oid = s.owner
    left join pg_class c on c.relnamespace = 'auth'::regnamespace
        and c.relname in ('sessions', 'users', 'mfa_factors')
        and c.relrowsecurity
        and not r.rolsuper
        and not r.rolbypassrls
        and (c.relforcerowsecurity or not pg_has_role(r.oid, c.relowner, 'usage'))
    group by s.owner
    union all
    select
        6, 'rights on ' || e.relation,
        format('%s lacks: ', s.owner::regrole) || string_agg(p.privilege, ', ') filter (
            where not coalesce(has_table_privilege(s.owner, to_regclass(e.relation)::oid, p.privilege), true)
        ),
        null,
        'ask the owner of the database to grant these'
    from schema s
    cross join (values
        ('auth.sessions', '{select,update,delete,trigger}'::text[]),
        ('auth.users', '{select,update}'),
        ('auth.mfa_amr_claims', '{select}'),
        ('auth.mfa_factors', '{select}'),
        ('auth.flow_state', '{select}')
    ) e (relation, privileges)
    cross join lateral unnest(e.privileges) p (privilege)
    group by s.owner, e.relation
    union all
    -- On hosted projects supautils allows postgres more than its rights; elsewhere these settings do not exist.
    select 7, 'supautils ' || n.name, null, current_setting(n.name, true), null
    from unnest(array[
        'supautils.drop_trigger_grants', 'supautils.policy_grants', 'supautils.privileged_role_allowed_configs'
    ]) n (name)
    where current_setting(n.name, true) is not null
)
select
    c.name as "check",
    c.problem is null as ok,
    coalesce(c.problem, c.detail) as detail,
    case when c.problem is not null then c.fix end as fix
from checks c
order by c.place, c.name
