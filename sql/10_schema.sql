-- The schema and the types that settings are made of.
create schema if not exists supasession;
comment on schema supasession is 'supasession: session limits for Supabase Auth';

-- From 0.1.2. The labels are part of the contract and never change: further choices are text columns with a check.
do $$
begin
    if pg_catalog.to_regtype('supasession.enforcement_strategy') is null then
        create type supasession.enforcement_strategy as enum ('reject', 'dequeue');
    end if;
end
$$;
comment on type supasession.enforcement_strategy is
    'What a sign-in above the limit does: dequeue ends the user''s first sessions in eviction order, reject refuses the new one';
