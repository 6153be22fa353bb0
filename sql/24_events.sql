-- What was ended, refused or changed, and why. Refusals themselves cannot stand here, because their transaction is rolled back: they go to
-- the log of Postgres. Plain sign-outs are in Auth's own audit log.

create table if not exists supasession.events (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    kind text not null,
    -- No foreign keys: the history outlives what it tells of, and a sign-in must not wait for its locks.
    user_id uuid,
    session_id uuid,
    reason text,
    caused_by text,
    details jsonb
);
alter table supasession.events
    drop constraint if exists events_kind_check,
    add constraint events_kind_check check (kind in (
        'evicted', 'expired', 'revoked', 'flushed', 'access_revoked', 'access_restored', 'user_changed', 'device_changed',
        'settings_changed', 'rules_changed', 'would_evict', 'would_refuse', 'would_expire'
    ));
create index if not exists events_at on supasession.events (at);
create index if not exists events_user_at on supasession.events (user_id, at);
alter table supasession.events enable row level security;

comment on table supasession.events is 'History of what supasession did, or in observe mode would have done';
comment on column supasession.events.id is 'Order of writing';
comment on column supasession.events.at is 'When it happened';
comment on column supasession.events.kind is 'What happened; a closed list';
comment on column supasession.events.user_id is 'Whom it concerned; null for changes of settings and for flushes';
comment on column supasession.events.session_id is 'The session it concerned, where it was one';
comment on column supasession.events.reason is 'Why, in words';
comment on column supasession.events.caused_by is 'The session, rule or role that caused it';
comment on column supasession.events.details is 'What else belongs to it: old and new values, counts';

-- _role() -> the role that does something: in the Data API, where everybody logs in as authenticator, the one it has become
create or replace function supasession._role()
returns text
language sql
stable
set search_path = ''
as $$
    select coalesce(nullif(pg_catalog.current_setting('role', true), 'none'), session_user::text);
$$;
comment on function supasession._role() is 'The role that does something, for the history';

-- _tolerate(state, message, on_error) -> void
-- Decides about a failure around a decision. To be called from an exception handler with SQLSTATE and SQLERRM; on_error: the setting, null where
-- the settings are what could not be read.
-- Raises what has to reach Auth: our own refusal, what a transaction cannot go on after or should not (class 40), lock time-outs and cancels;
-- and with on_error = refuse everything else, as PT403. Otherwise it warns.
create or replace function supasession._tolerate(state text, message text, on_error text)
returns void
language plpgsql
set search_path = ''
as $$
begin
    if state like '40%' or state in ('55P03', '57014', 'PT403') then
        raise exception using errcode = state, message = message;
    end if;
    if on_error is null then
        begin
            select w.on_error into on_error from supasession.wiring w;
        exception
            when undefined_table or undefined_column or insufficient_privilege then
                on_error := 'allow';
        end;
    end if;
    if on_error = 'refuse' then
        raise exception 'supasession: refused because of a failure: %', message using errcode = 'PT403', detail = state;
    end if;
    raise warning 'supasession: went on after a failure: % (%)', message, state;
end
$$;
comment on function supasession._tolerate(text, text, text) is 'Warns of a failure around a decision, or refuses, as the settings say';

-- _record(settings, kind, user_id, session_id, reason, caused_by, details) -> void
-- Adds an event. Never waits: where the table is locked the event is lost, with a warning. would_* events are written once per user, kind and hour.
create or replace function supasession._record(
    settings supasession.config,
    kind text,
    user_id uuid,
    session_id uuid,
    reason text,
    caused_by text default null,
    details jsonb default null
)
returns void
language plpgsql
security definer
set search_path = ''
set lock_timeout = '20ms'
as $$
begin
    if (settings).record_events is not true then
        return;
    end if;
    if kind like 'would\_%' then
        perform
        from supasession.events e
        where e.user_id = _record.user_id
            and e.kind = _record.kind
            and e.at > pg_catalog.clock_timestamp() - interval '1 hour';
        if found then
            return;
        end if;
    end if;
    insert into supasession.events (kind, user_id, session_id, reason, caused_by, details)
    values (_record.kind, _record.user_id, _record.session_id, _record.reason, _record.caused_by, _record.details);

    -- In passing, and bounded: two old events for each new one keep the table at its retention. Asked first, because mostly there is none.
    perform from supasession.events o where o.at < pg_catalog.now() - (settings).events_retention order by o.at limit 1;
    if found then
        delete from supasession.events e
        where e.id in (
            select o.id
            from supasession.events o
            where o.at < pg_catalog.now() - (settings).events_retention
            order by o.at
            limit 2
            for update skip locked
        );
    end if;
exception
    when lock_not_available then
        raise warning 'supasession: event % of user % was not recorded: supasession.events is locked', kind, user_id;
    when others then
        perform supasession._tolerate(sqlstate, sqlerrm, (settings).on_error);
end
$$;
comment on function supasession._record(supasession.config, text, uuid, uuid, text, text, jsonb) is 'Adds an event, without ever waiting';

-- _history_settings() -> supasession.config, for _record() where it has to work without a row of settings too (a delete-and-insert): record, by default
create or replace function supasession._history_settings()
returns supasession.config
language plpgsql
stable
set search_path = ''
as $$
declare
    settings supasession.config;
begin
    select * into settings from supasession.config;
    settings.record_events := coalesce(settings.record_events, true);
    settings.events_retention := coalesce(settings.events_retention, interval '30 days');
    return settings;
end
$$;
comment on function supasession._history_settings() is 'The settings, with those of the history at their defaults where there are none';

-- _on_settings_change() -> trigger: after any change of config or rules
-- Writes who changed what, and since when there are deadlines of ours.
create or replace function supasession._on_settings_change()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    settings supasession.config;
    before jsonb := case when tg_op <> 'INSERT' then pg_catalog.to_jsonb(old) end;
    after jsonb := case when tg_op <> 'DELETE' then pg_catalog.to_jsonb(new) end;
begin
    if after ->> 'timebox' is not null or after ->> 'inactivity_timeout' is not null then
        update supasession.wiring w set deadlines_since = pg_catalog.clock_timestamp() where w.deadlines_since is null;
    end if;
    if tg_table_name = 'config' then
        update supasession.wiring w set on_error = after ->> 'on_error' where w.on_error is distinct from after ->> 'on_error';
    end if;
    if before is distinct from after then
        settings := supasession._history_settings();
        perform supasession._record(
            settings,
            case tg_table_name when 'config' then 'settings_changed' else 'rules_changed' end,
            null, null,
            pg_catalog.lower(tg_op),
            supasession._role(),
            pg_catalog.jsonb_build_object('old', before, 'new', after)
        );
    end if;
    return null;
end
$$;
comment on function supasession._on_settings_change() is 'Writes a change of settings or rules into the history';

create or replace trigger config_history
    after insert or update or delete on supasession.config
    for each row execute function supasession._on_settings_change();
create or replace trigger rules_history
    after insert or update or delete on supasession.rules
    for each row execute function supasession._on_settings_change();
