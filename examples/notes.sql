-- The table of both examples. Each user reads and writes their own rows.
create table public.notes (
  id bigint generated always as identity primary key,
  user_id uuid not null default auth.uid() references auth.users on delete cascade,
  body text not null check (length(body) <= 1000)
);
alter table public.notes enable row level security;
create policy own on public.notes to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
grant select, insert, delete on public.notes to authenticated;
