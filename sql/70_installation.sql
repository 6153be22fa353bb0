-- What is installed. "supasession init" adds the checksum of the script to the migration that it writes.

create table if not exists supasession.installation (
    version text not null,
    checksum text,
    installed_at timestamptz not null default pg_catalog.now()
);
create unique index if not exists installation_one_row on supasession.installation ((true));
alter table supasession.installation enable row level security;

comment on table supasession.installation is 'The installed release, in one row';
comment on column supasession.installation.version is 'Release of supasession whose SQL ran last';
comment on column supasession.installation.checksum is 'SHA-256 of that SQL as "supasession init" wrote it; null when it was run by hand';
comment on column supasession.installation.installed_at is 'When it ran';

insert into supasession.installation (version) values (pg_catalog.current_setting('supasession.release'))
on conflict ((true)) do update set version = excluded.version, checksum = null, installed_at = excluded.installed_at;
