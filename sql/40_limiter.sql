-- The limit: what happens to a session that comes in, and to the others.

-- _refuse(settings, session_id, hook_message, trigger_message) -> void
-- Refuses a session: with reject_in_hook by a note for access_token_hook(), which answers 403 with a message; else raises PT403.
-- Whatever keeps the note from being written is raised too: nobody gets in because of it.
create or replace function supasession._refuse(settings supasession.config, session_id uuid, hook_message text, trigger_message text)
returns void
language plpgsql
set search_path = ''
as $$
begin
    if (settings).reject_in_hook is not true then
        raise exception using errcode = 'PT403', message = trigger_message;
    end if;
    insert into supasession.refusal (session_id, hook_message, trigger_message)
    values (_refuse.session_id, _refuse.hook_message, _refuse.trigger_message);
    -- The transaction is going to be rolled back, and this with it: the server log keeps it.
    raise log 'supasession: %', trigger_message;
end
$$;
comment on function supasession._refuse(supasession.config, uuid, text, text) is 'Refuses a session, through the hook or by an exception';

-- _admit(settings, rule, max_sessions, strategy, user_id, session_id, pool, makes_room) -> void
-- Makes room in a pool for one more session, or refuses it, as the settings say; in observe mode writes what would have been.
-- To be called with the user's row locked, so that sign-ins of one user take turns; the sessions are read after it in a statement of
-- their own, which sees what those before us committed.
create or replace function supasession._admit(
    settings supasession.config,
    rule text,
    max_sessions integer,
    strategy supasession.enforcement_strategy,
    user_id uuid,
    session_id uuid,
    pool text,
    makes_room boolean
)
returns void
language plpgsql
set search_path = ''
as $$
declare
    sessions_over uuid[];
    active bigint;
    gone uuid[];
    ended uuid;
    refuses boolean;
begin
    -- The session is not in this pool yet: the others may keep one place less than the limit. All that are above go, however many they are.
    select
        pg_catalog.array_agg(l.session_id) filter (where l.place >= _admit.max_sessions),
        pg_catalog.count(*) filter (where not l.idle)
    into sessions_over, active
    from supasession._live_sessions(settings, array[_admit.user_id], array[_admit.strategy], pg_catalog.clock_timestamp()) l
    where l.pool = _admit.pool and l.session_id <> _admit.session_id;
    if sessions_over is null then
        return;
    end if;

    -- In the pool of pending sessions nothing is refused: whoever fills it with a stolen password would lock the owner out.
    refuses := strategy = 'reject' and active >= max_sessions and not makes_room and pool not like '% pending';

    if (settings).mode = 'observe' then
        perform supasession._record(
            settings, case when refuses then 'would_refuse' else 'would_evict' end,
            user_id, session_id, pg_catalog.format('limit of %s', max_sessions), rule
        );
        return;
    end if;

    if not refuses then
        gone := supasession._end_sessions(sessions_over);
        -- What reject lets go is idle. One that is being refreshed at this moment is not, after all, and nobody gets in beside it.
        refuses := strategy = 'reject' and not makes_room and pool not like '% pending'
            and pg_catalog.cardinality(gone) < pg_catalog.cardinality(sessions_over);
    end if;
    if refuses then
        perform supasession._refuse(
            settings, session_id,
            pg_catalog.replace((settings).refusal_message, '{limit}', max_sessions::text),
            pg_catalog.format('Session limit of %s exceeded for user %s', max_sessions, user_id)
        );
        return;
    end if;
    foreach ended in array gone loop
        perform supasession._record(
            settings, 'evicted', user_id, ended, pg_catalog.format('limit of %s', max_sessions), coalesce(rule, session_id::text)
        );
    end loop;
end
$$;
comment on function supasession._admit(supasession.config, text, integer, supasession.enforcement_strategy, uuid, uuid, text, boolean) is
    'Makes room for a session, or refuses it';

-- _limiter() -> trigger: before insert on auth.sessions
-- Gives the new session its deadline, makes room for it or refuses it, as the settings say.
-- Raises PT403 'Session limit of N exceeded for user UUID' under reject. Auth turns it into an answer of its own: 403 for API versions
-- before 2024-01-01 (which read the status from such an SQLSTATE), 500 for later ones.
--
-- Lock protocol: sign-ins of one user take turns on the row in auth.users. That row, and not an advisory lock, because a sign-in by
-- magic link holds it already when it comes here, and one by password takes it right after. It is taken outside any exception
-- block: a caught error would give it back. Victims are locked with SKIP LOCKED, never waited for: a refresh holds its session while it
-- waits for the user. One that is skipped for that reason finds out by itself, in _on_refresh().
create or replace function supasession._limiter()
returns trigger
language plpgsql
security definer
set search_path = ''
-- For all that it calls too: plans by value look cheaper than they are, and some statements would be planned anew at every sign-in.
set plan_cache_mode = 'force_generic_plan'
as $$
declare
    settings supasession.config;
    app_metadata jsonb;
    sso_user boolean;
    user_written boolean;
    -- Null: not known.
    revoked boolean;
    ruled boolean;
    mfa boolean;
    policy record;
    rule text;
    unlimited boolean := false;
    pool text := 'user';
    pending boolean := false;
    saml_since timestamptz;
    recovery boolean := false;
    saml_session uuid;
    ceiling timestamptz := new.not_after;
    moment timestamptz;
begin
    begin
        select * into settings from supasession.config;
        -- Before anything can return: a deadline that Auth gave must be known for as long as the session lives.
        if new.not_after is not null then
            insert into supasession.ceilings (session_id, not_after) values (new.id, new.not_after) on conflict do nothing;
        end if;
    exception
        when others then
            perform supasession._tolerate(sqlstate, sqlerrm, settings.on_error);
    end;

    if settings.enabled is not true and settings.block_revoked is false then
        return new;
    end if;

    -- A session that is over before it begins takes no place.
    if new.not_after <= pg_catalog.clock_timestamp() then
        return new;
    end if;

    -- user_written: whether this transaction has changed the user already.
    select u.raw_app_meta_data, u.is_sso_user, u.xmin = pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.xid
    into app_metadata, sso_user, user_written
    from auth.users u where u.id = new.user_id for no key update;
    moment := pg_catalog.clock_timestamp();

    -- What most sign-ins have nothing of is asked for in one statement, and in one block with the rules, because each of either costs a sign-in more
    -- than all that it finds.
    begin
        select
            exists (select from supasession.revoked r where r.user_id = new.user_id),
            exists (select from supasession.rules),
            exists (select from auth.mfa_factors f where f.user_id = new.user_id and f.status = 'verified')
        into revoked, ruled, mfa;
        if ruled and settings.enabled then
            select p.* into strict policy from supasession._policy(settings, new.user_id, app_metadata, new.oauth_client_id) p;
        end if;
    exception
        when transaction_rollback or lock_not_available then
            raise;
        when others then
            -- Where one of them fails, what is not known is asked for by itself, below; the rules in any case.
            ruled := null;
    end;

    if settings.block_revoked is not false then
        if revoked is null then
            begin
                revoked := exists (select from supasession.revoked r where r.user_id = new.user_id);
            exception
                when others then
                    perform supasession._tolerate(sqlstate, sqlerrm, settings.on_error);
            end;
        end if;
        if revoked then
            perform supasession._refuse(settings, new.id, 'Access revoked', pg_catalog.format('Access of user %s is revoked', new.user_id));
            return new;
        end if;
    end if;

    if settings.enabled is not true then
        return new;
    end if;

    if ruled is null then
        policy := supasession._user_policy(settings, new.user_id, app_metadata, new.oauth_client_id);
    end if;
    if ruled is not false then
        rule := policy.rule;
        unlimited := policy.unlimited;
        settings.max_sessions := policy.max_sessions;
        settings.strategy := policy.strategy;
        settings.timebox := policy.timebox;
        settings.inactivity_timeout := policy.inactivity_timeout;
    end if;
    -- Without either it is 'user'.
    if mfa is not false or new.oauth_client_id is not null then
        pool := supasession._pool(settings, new.oauth_client_id, new.aal::text, coalesce(mfa, supasession._has_factor(new.user_id)));
        pending := coalesce(pool like '% pending', false);
    end if;
    -- What Auth may be exchanging a code for; it removes the flow after it has made the session. Auth marks the users that came by SAML, and those
    -- alone sign in by it.
    if sso_user or settings.recovery_makes_room then
        select
            -- When the identity provider answered: Auth touches this row in that transaction, right before it makes the session there.
            pg_catalog.max(coalesce(f.updated_at, f.created_at)) filter (where f.authentication_method = 'sso/saml'),
            -- Whether the code came from a token that Auth keeps in recovery_token and that has been used: anybody can ask for a link, so asking alone
            -- must not open a place.
            coalesce(pg_catalog.bool_or(f.authentication_method in ('recovery', 'magiclink') and f.auth_code_issued_at is not null), false)
        into saml_since, recovery
        from auth.flow_state f
        where f.user_id = new.user_id;
    end if;

    if settings.mode = 'enforce' then
        -- SAML with PKCE makes two sessions: one that nobody holds when the identity provider answers, and this one at the code exchange. Where the
        -- provider answers Auth has written the user just before; at the exchange it has not.
        if saml_since is not null and new.not_after is null and not user_written then
            select s.id, coalesce(c.not_after, s.not_after) into saml_session, ceiling
            from auth.sessions s
            left join supasession.ceilings c on c.session_id = s.id
            where s.user_id = new.user_id
                and s.created_at >= saml_since
                and s.refreshed_at is null
                and exists (
                    select from auth.mfa_amr_claims a where a.session_id = s.id and a.authentication_method = 'sso/saml'
                )
            order by s.created_at -- later ones were made without a code, and somebody holds them
            limit 1;
            perform supasession._end_sessions(array[saml_session]);
            if ceiling is not null then
                insert into supasession.ceilings (session_id, not_after) values (new.id, ceiling) on conflict do nothing;
            end if;
        end if;

        if settings.timebox is not null or settings.inactivity_timeout is not null or pending or ceiling is not null then
            new.not_after := supasession._deadline(
                settings.timebox, settings.inactivity_timeout, case when pending then settings.low_aal_timeout end, new.created_at, ceiling, moment
            );
            if new.not_after is not null and ceiling is null then
                begin
                    -- What _claim_deadline() asks first, without the cost of its call.
                    perform from supasession.wiring w where w.deadlines_since <= new.created_at;
                    if not found then
                        perform supasession._claim_deadline(new.id, new.created_at);
                    end if;
                exception
                    when others then
                        perform supasession._tolerate(sqlstate, sqlerrm, settings.on_error);
                end;
            end if;
        end if;
    end if;

    if unlimited or pool is null then
        return new;
    end if;
    -- With fewer sessions than the limit, live or not, no pool is full.
    perform from auth.sessions s where s.user_id = new.user_id offset settings.max_sessions - 1 limit 1;
    if found then
        perform supasession._admit(
            settings, rule, settings.max_sessions, settings.strategy, new.user_id, new.id, pool,
            settings.recovery_makes_room
                -- Null where nobody has set it yet: a password sign-in must not get through by that.
                and (recovery or coalesce(pg_catalog.current_setting('supasession.recovered_user', true) = new.user_id::text, false))
        );
    end if;
    return new;
end
$$;
comment on function supasession._limiter() is 'Enforces the limit and sets the deadline when a session is created';
-- An earlier 1.0.0 asked for this by a function.
drop function if exists supasession._code_exchange(uuid);

-- _on_recovery() -> trigger: after update of recovery_token on auth.users, when it is used up
-- Notes for the rest of the transaction that the user came by a token of recovery or magic link.
create or replace function supasession._on_recovery()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    perform pg_catalog.set_config('supasession.recovered_user', new.id::text, true);
    return null;
end
$$;
comment on function supasession._on_recovery() is 'Notes that a token of recovery or magic link has been used in this transaction';
