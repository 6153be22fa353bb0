-- Checks the rows of an installation, and whether what they name exists. Needs all tables and columns.
-- Rows: check, ok, detail, fix, as in health.sql
with settings as (
    select g.* from supasession.get_config() g
),
chained as (
    select i.kind, i.schema_name, i.function_name from supasession.integration i
),
guard as (
    select supasession._configured_pre_request() as configured, supasession._guard_enabled() as enabled
),
-- Users of 0.1.2 change settings by delete and insert. That resets all but its three settings; the history has the rest.
lost as (
    select string_agg(o.key, ', ' order by o.key) as names
    from (
        select e.details -> 'old' as settings
        from supasession.events e
        where e.kind = 'settings_changed' and e.reason = 'delete'
            and not exists (
                select from supasession.events l
                where l.kind = 'settings_changed' and l.reason = 'update' and l.id > e.id
            )
        order by e.id desc
        limit 1
    ) e
    cross join lateral jsonb_each(e.settings) o
    cross join settings c
    where o.key not in ('version', 'enabled', 'max_sessions', 'strategy')
        and c.version is not null
        and o.value is distinct from to_jsonb(c) -> o.key
),
checks (place, name, problem, fix) as (
    select
        1, 'settings',
        case when c.version is null then 'supasession.config has no row: limits are off' end,
        'supasession config --enable'
    from settings c
    union all
    select
        2, 'settings kept', 'deleting and inserting the row of supasession.config reset these to their defaults: ' || l.names,
        'set them again: supasession config'
    from lost l
    union all
    select
        3, 'next hook',
        (
            select format('%I.%I(jsonb) returning jsonb does not exist', i.schema_name, i.function_name)
            from chained i
            where i.kind = 'access_token_hook' and (supasession._hook_answer(null)).next_missing
        ),
        'create it, or disable the hook: supasession hook disable'
    union all
    select
        4, 'pre-request',
        case
            when g.enabled then (
                select format('%I.%I() does not exist', i.schema_name, i.function_name)
                from chained i
                where i.kind = 'pre_request' and (supasession._pre_request()).missing
            )
            -- A name without a schema may be in any schema.
            when g.configured like '%.%' and to_regprocedure(
                quote_ident(split_part(g.configured, '.', 1)) || '.'
                    || quote_ident(substr(g.configured, strpos(g.configured, '.') + 1)) || '()'
            ) is null
                then format(
                    'pgrst.db_pre_request names %s, which does not exist: every request of the Data API fails', g.configured
                )
        end,
        'create it, or disable the guard: supasession guard disable'
    from guard g
    union all
    -- A function that calls one of the project must not set a search_path for it; all others must have a fixed one.
    select
        5, 'search_path',
        string_agg(
            format('%s %s', f.name, case when f.chained then 'sets one for the function it calls' else 'has no fixed one' end),
            '; ' order by f.name
        ),
        'restore it: supasession doctor --fix'
    from (
        select
            p.proname as name,
            i.kind is not null as chained,
            exists (select from unnest(p.proconfig) o (entry) where o.entry = 'search_path=pg_catalog, pg_temp') as pinned,
            exists (select from unnest(p.proconfig) o (entry) where starts_with(o.entry, 'search_path=')) as set
        from pg_proc p
        left join chained i on p.proname = case i.kind
            when 'access_token_hook' then 'access_token_hook'
            when 'pre_request' then 'check_request'
        end
        where p.pronamespace = 'supasession'::regnamespace
    ) f
    where case when f.chained then f.set else not f.pinned end
    union all
    select
        6, 'guard for every role',
        'requests as these roles fail: ' || string_agg(r.rolname, ', ' order by r.rolname),
        'select supasession.enable_guard()'
    from guard g
    join pg_roles r on r.rolname <> 'authenticator' and pg_has_role('authenticator', r.oid, 'member')
    where g.enabled
        and not coalesce(
            has_schema_privilege(r.oid, 'supasession', 'usage')
            and has_function_privilege(r.oid, to_regprocedure('supasession.check_request()')::oid, 'execute')
            and has_function_privilege(r.oid, to_regprocedure('supasession.has_access()')::oid, 'execute')
            and has_function_privilege(r.oid, to_regprocedure('supasession._pre_request()')::oid, 'execute'),
            false
        )
)
select c.name as "check", c.problem is null as ok, c.problem as detail, case when c.problem is not null then c.fix end as fix
from checks c
order by c.place, c.name
