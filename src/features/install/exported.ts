import type {TreeFile} from '../../supabase/declared-tree.js';

/** An exported file that holds something of supasession. */
export interface ExportedFile {
  file: TreeFile;
  /** What stays of it; null if nothing does. */
  rest: string | null;
}

export interface ExportedScope {
  /** The policies that `protect` has made, as `policyKey` names them. */
  policies: ReadonlySet<string>;
  /** Whether supasession stays: then rights that the project gave to roles of its own stay too. */
  stays: boolean;
}

/** Everything that may contain a semicolon, or the semicolon itself. */
const TOKEN = /[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$|--.*|\/\*[\s\S]*?\*\/|;/g;
const BEFORE_STATEMENT = /^(?:\s|--.*|\/\*[\s\S]*?\*\/)*/;

const OURS = [
  /^create (?:or replace )?(?:function|table|type|index|sequence|view|procedure) (?:if not exists )?supasession\./,
  /^create schema (?:if not exists )?supasession$/,
  /^create schema supasession authorization /,
  /^create (?:unique )?index \S+ on (?:only )?supasession\./,
  /^create (?:or replace )?(?:constraint )?trigger \S+ [^(]* on supasession\.\S+ /,
  /^create (?:or replace )?trigger supasession_(?:interceptor|refresh) .* on auth\.sessions .* supasession\./,
  /^alter (?:function|schema|table|type|sequence) (?:if exists )?(?:only )?supasession\b/,
  /^alter table (?:only )?auth\.sessions \w+ trigger supasession_(?:interceptor|refresh)$/,
  /^comment on \w+ (?:\S+ on )?supasession\b/,
  /^comment on trigger supasession_(?:interceptor|refresh) on auth\.sessions /,
  /^alter default privileges .*\bin schema supasession /,
];
const RIGHTS =
  /^(?:grant|revoke) .* on (?:all \w+ in )?(?:schema|table|function|sequence|type) supasession\b.* (?:to|from) (.*)$/;
const OWN_ROLES = ['anon', 'authenticated', 'service_role', 'supabase_auth_admin', 'postgres', 'public'];
const POLICY = /^create policy (supasession_access\w*) on (.+?) as restrictive .*\bsupasession\.has_access\(\)/;

/** The same key for a quoted and an unquoted name. */
export function policyKey(name: string, table: string): string {
  return `${name} on ${table}`.replaceAll('"', '').toLowerCase();
}

/** Names without quotes, everything on one line. */
function normalized(statement: string): string {
  return statement.replaceAll('"', '').replaceAll(/\s+/g, ' ').trim().toLowerCase();
}

function isOurs(statement: string, {policies, stays}: ExportedScope): boolean {
  const text = normalized(statement);
  if (OURS.some((pattern) => pattern.test(text))) return true;
  const [, name, table] = POLICY.exec(text) ?? [];
  if (name !== undefined && table !== undefined) return policies.has(policyKey(name, table));
  const [, roles] = RIGHTS.exec(text) ?? [];
  return roles !== undefined && (!stays || roles.split(/,\s*/).every((role) => OWN_ROLES.includes(role)));
}

/** Where each statement begins, comments before it left out, and ends, its semicolon included. */
function* statements(text: string): Generator<{start: number; end: number}> {
  let from = 0;
  for (const {0: token, index} of text.matchAll(TOKEN)) {
    if (token !== ';') continue;
    yield {start: from + BEFORE_STATEMENT.exec(text.slice(from))![0].length, end: index + 1};
    from = index + 1;
  }
}

/**
 * Removes what `supabase db schema declarative generate` has exported of supasession: objects in its schema, its two triggers, the
 * policies of `protect`. All else in the file stays byte for byte.
 *
 * @returns null if the file has nothing of supasession
 */
export function withoutOurs(file: TreeFile, scope: ExportedScope): ExportedFile | null {
  if (!file.text.includes('supasession')) return null;
  const ours = [...statements(file.text)].filter(({start, end}) => isOurs(file.text.slice(start, end - 1), scope));
  if (ours.length === 0) return null;
  let rest = '';
  let from = 0;
  for (const {start, end} of ours) {
    rest += file.text.slice(from, start).trimEnd();
    from = end;
  }

  rest = `${rest}${file.text.slice(from)}`.trim();
  return {file, rest: rest === '' ? null : `${rest}\n`};
}
