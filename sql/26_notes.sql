-- Small tables by which the triggers, the hook and the functions tell each other what cannot be told in auth.sessions itself. No foreign keys:
-- their rows may be written before or after the session's own, and must not wait for its locks.

create table if not exists supasession.ceilings (
    session_id uuid primary key,
    not_after timestamptz not null
);
alter table supasession.ceilings enable row level security;
comment on table supasession.ceilings is
    'Deadlines that Auth itself gave (SAML): no deadline of ours goes above them. Infinity: it gave none, what the session has is ours';
comment on column supasession.ceilings.session_id is 'The session';
comment on column supasession.ceilings.not_after is 'What Auth had set as not_after';

create table if not exists supasession.condemned (
    session_id uuid primary key,
    at timestamptz not null default clock_timestamp(),
    reason text
);
alter table supasession.condemned enable row level security;
comment on table supasession.condemned is 'Sessions that could not be ended because they were locked: each ends at its own refresh';
comment on column supasession.condemned.session_id is 'The session';
comment on column supasession.condemned.at is 'When it was to be ended';
comment on column supasession.condemned.reason is 'Why, for the history';

create table if not exists supasession.revoked (
    user_id uuid primary key,
    at timestamptz not null default clock_timestamp(),
    reason text
);
alter table supasession.revoked enable row level security;
comment on table supasession.revoked is 'Users who may not use the app; app_metadata.access_revoked is a copy for the app to show';
comment on column supasession.revoked.user_id is 'The user';
comment on column supasession.revoked.at is 'Since when';
comment on column supasession.revoked.reason is 'Why';

create table if not exists supasession.refusal (
    session_id uuid primary key,
    hook_message text not null,
    trigger_message text not null
);
alter table supasession.refusal enable row level security;
comment on table supasession.refusal is 'Refusals on their way from the insert trigger to access_token_hook(); empty outside of that transaction';
comment on column supasession.refusal.session_id is 'The session that is refused';
comment on column supasession.refusal.hook_message is 'What the hook answers';
comment on column supasession.refusal.trigger_message is 'What is raised at commit where no hook has answered';

-- One row, that only postgres and the triggers below write: as free text in the settings service_role could name any function. It stands apart from
-- the settings because these may be deleted and inserted again.
create table if not exists supasession.wiring (
    next_hook_schema text,
    next_hook_function text,
    pre_request_schema text,
    pre_request_function text,
    deadlines_since timestamptz,
    on_error text
);
create unique index if not exists wiring_one_row on supasession.wiring ((true));
alter table supasession.wiring
    drop constraint if exists wiring_next_hook_check,
    add constraint wiring_next_hook_check check (num_nulls(next_hook_schema, next_hook_function) in (0, 2)),
    drop constraint if exists wiring_pre_request_check,
    add constraint wiring_pre_request_check check (num_nulls(pre_request_schema, pre_request_function) in (0, 2));
alter table supasession.wiring enable row level security;
insert into supasession.wiring default values on conflict do nothing;
comment on table supasession.wiring is 'What ties us to this project, in one row: its own functions that ours call in turn, and since when we give deadlines';
comment on column supasession.wiring.next_hook_schema is 'Schema of the custom access token hook that ours calls';
comment on column supasession.wiring.next_hook_function is 'Its name; it takes and returns jsonb';
comment on column supasession.wiring.pre_request_schema is 'Schema of the pre-request function that ours calls';
comment on column supasession.wiring.pre_request_function is 'Its name; it takes nothing';
comment on column supasession.wiring.on_error is 'Copy of the setting, for the hook, and for when the settings cannot be read';
comment on column supasession.wiring.deadlines_since is
    'Since when timebox or inactivity_timeout has been set anywhere; a deadline that a session got before is not ours';

-- _refuse_at_commit() -> trigger: at the end of a transaction that wrote a refusal
-- Raises PT403: the hook, which would have answered and made Auth roll back, was not called. Fails closed.
create or replace function supasession._refuse_at_commit()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    raise exception using errcode = 'PT403', message = new.trigger_message;
end
$$;
comment on function supasession._refuse_at_commit() is 'Refuses at commit what no hook has answered';

do $$
begin
    if not exists (
        select from pg_catalog.pg_trigger t
        where t.tgrelid = 'supasession.refusal'::pg_catalog.regclass and t.tgname = 'refuse_at_commit'
    ) then
        create constraint trigger refuse_at_commit
            after insert on supasession.refusal
            deferrable initially deferred
            for each row execute function supasession._refuse_at_commit();
    elsif exists (
        select from pg_catalog.pg_trigger t
        where t.tgrelid = 'supasession.refusal'::pg_catalog.regclass and t.tgname = 'refuse_at_commit' and t.tgenabled <> 'O'
    ) then
        alter table supasession.refusal enable trigger refuse_at_commit;
    end if;
end
$$;
