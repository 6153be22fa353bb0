create or replace function supasession.device_label(user_agent text) returns text
language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$
declare
  unsafe constant text :=
    '[\u0001-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]';
  agent text := btrim(regexp_replace(left(user_agent, 512), unsafe, '', 'g'));
  said text := lower(agent collate "C");
  system text := case
    when said like '%; xbox%' then 'Xbox'
    when said like '%windows%' then 'Windows'
    -- An iPad says Macintosh; only "Mobile" and the names of Chrome and Firefox on iOS give it away.
    when said like any ('{%ipad%,%macintosh%mobile/%,%macintosh%crios/%,%macintosh%fxios/%}') then 'iPad'
    when said like any ('{%macintosh%,%macos%}') then 'macOS'
    when said like '%iphone%' then 'iPhone'
    when said like '%; ios %' then 'iOS'
    when said like '%cfnetwork/%' then 'an Apple device'
    when said like any ('{% tizen%,%webos%,%web0s%,%crkey/%}') then 'TV'
    when said like '%android%' then 'Android'
    when said like '%linux%' then 'Linux'
    when said like '%; cros %' then 'ChromeOS'
    else substring(agent from 'PlayStation|Nintendo Switch|OpenHarmony')
  end;
  name text := case
    when said like '%supabaseedgeruntime/%' then 'Supabase Edge Function'
    when said not like 'mozilla/%'
      then replace(regexp_replace(agent, '(?: v?[0-9]|[/;(]).*', ''), '%20', ' ')
    when agent like '%compatible; %ot/%' then substring(agent from 'compatible; ([\w.-]+)')
    when said like any ('{%fban/%,%fbav/%}') then 'Facebook'
    when said like '%micromessenger/%' then 'WeChat'
    when said like '% gsa/%' then 'Google app'
    when said like '%samsungbrowser/%' then 'Samsung Internet'
    when said like '%yabrowser/%' then 'Yandex Browser'
    when agent like '%Browser/%' then substring(agent from '([A-Za-z]*) ?Browser/') || ' Browser'
    when agent like any ('{%Instagram%,%Vivaldi/%,%Whale/%,%Silk/%}')
      then substring(agent from 'Instagram|Vivaldi|Whale|Silk')
    when said like any ('{%opr/%,% opt/%}') then 'Opera'
    when said like any ('{%edg/%,%edga/%,%edgios/%,%edge/%}') then 'Edge'
    when said like any ('{%duckduckgo/%,% ddg/%}') then 'DuckDuckGo'
    when said like any ('{%firefox/%,%fxios/%}') then 'Firefox'
    when said like any ('{%; wv)%,%electron/%}') then 'app'
    when said like any ('{%chrome/%,%crios/%}') then 'Chrome'
    when coalesce(system, '') not in ('iPhone', 'iPad', 'macOS') then 'browser'
    when said like '%safari/%' then 'Safari'
    else 'app'
  end;
begin
  name := nullif(btrim(name), '') || coalesce(' on ' || system, '');
  return case when length(name) > 40 then left(name, 39) || '…' else name end;
end
$$;
comment on function supasession.device_label is
'What a person calls the device of a user agent: "Safari on iPhone", "curl"; null for nothing. Without
versions, at most 40 printable characters, as in src/features/sessions/device.ts.';
