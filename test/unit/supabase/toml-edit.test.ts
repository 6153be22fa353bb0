import {parse} from 'smol-toml';
import {editToml, type TomlEdit} from '../../../src/supabase/toml-edit.js';
import {createProject} from '../../helpers/project.js';

const HOOK = ['auth', 'hook', 'custom_access_token'];
const URI = 'pg-functions://postgres/supasession/access_token_hook';

const enable = (...above: string[]): TomlEdit[] => [
  {path: [...above, ...HOOK, 'enabled'], value: true},
  {path: [...above, ...HOOK, 'uri'], value: URI},
];
const disable: TomlEdit[] = enable().map(({path}) => ({path, value: undefined}));
const schemas = (...value: string[]): TomlEdit[] => [{path: ['api', 'schemas'], value}];

/** The lines that an edit takes out (`- `) and puts in (`+ `), with the line ending of each; the rest has to be the same. */
function lineDiff(before: string, after: string): string[] {
  const [a, b] = [before, after].map((text) => text.split(/(?<=\n)/));
  const lengths = Array.from({length: a!.length + 1}, () => new Array<number>(b!.length + 1).fill(0));
  for (let i = a!.length - 1; i >= 0; i--) {
    for (let j = b!.length - 1; j >= 0; j--) {
      lengths[i]![j] =
        a![i] === b![j] ? lengths[i + 1]![j + 1]! + 1 : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
    }
  }
  const diff: string[] = [];
  let [i, j] = [0, 0];
  while (i < a!.length || j < b!.length) {
    if (i < a!.length && a![i] === b![j]) [i, j] = [i + 1, j + 1];
    else if (j === b!.length || (i < a!.length && lengths[i + 1]![j]! >= lengths[i]![j + 1]!))
      diff.push(`- ${a![i++]}`);
    else diff.push(`+ ${b![j++]}`);
  }
  return diff;
}

let template: string;
beforeAll(async () => {
  const project = await createProject();
  template = await project.read('supabase/config.toml');
  await project.remove();
});

describe('the file of supabase init', () => {
  test.each(['\n', '\r\n'])(
    'gets the hook below the comment that shows it, and loses it again (line ending %j)',
    (eol) => {
      const before = template.replaceAll('\n', eol);
      const after = editToml(before, enable());
      expect(lineDiff(before, after)).toEqual([
        `+ [auth.hook.custom_access_token]${eol}`,
        `+ enabled = true${eol}`,
        `+ uri = "${URI}"${eol}`,
      ]);
      const shown = '# uri = "pg-functions://<database>/<schema>/<hook_name>"';
      expect(after).toContain(`${shown}${eol}[auth.hook.custom_access_token]${eol}enabled = true${eol}`);
      expect(editToml(after, disable)).toBe(before);
      expect(editToml(after, enable())).toBe(after);
    },
  );

  test('gets a schema into the list, and loses it again', () => {
    const after = editToml(template, schemas('public', 'graphql_public', 'supasession'));
    expect(lineDiff(template, after)).toEqual([
      '- schemas = ["public", "graphql_public"]\n',
      '+ schemas = ["public", "graphql_public", "supasession"]\n',
    ]);
    expect(editToml(after, schemas('public', 'graphql_public'))).toBe(template);
  });

  test.each([
    [['auth', 'sessions', 'timebox'], '24h', '# inactivity_timeout = "8h"', '[auth.sessions]\ntimebox = "24h"'],
    [['db', 'ssl_enforcement', 'enabled'], true, '# enabled = true', '[db.ssl_enforcement]\nenabled = true'],
    [['api', 'auto_expose_new_tables'], false, '# auto_expose_new_tables = true', 'auto_expose_new_tables = false'],
    [['auth', 'email', 'smtp', 'port'], 25, '# sender_name = "Admin"', '[auth.email.smtp]\nport = 25'],
  ])('gets %j below the comment that shows it', (path, value, above, lines) => {
    const after = editToml(template, [{path, value}]);
    expect(after).toContain(`\n${above}\n${lines}\n`);
    expect(lineDiff(template, after)).toEqual(lines.split('\n').map((line) => `+ ${line}\n`));
    expect(editToml(after, [{path, value: undefined}])).toBe(template);
  });

  test('gets what it does not show at its end', () => {
    const after = editToml(template, enable('remotes', 'staging'));
    expect(after.slice(template.length)).toBe(
      `\n[remotes.staging.auth.hook.custom_access_token]\nenabled = true\nuri = "${URI}"\n`,
    );
    const removed = disable.map(({path, value}) => ({path: ['remotes', 'staging', ...path], value}));
    expect(editToml(after, removed)).toBe(template);
  });
});

describe('the hook', () => {
  test.each([
    [
      'in a table with both keys: only the values change',
      "[auth.hook.custom_access_token]\n  enabled=false # off\n\turi   =   'x' # ours\n",
      `[auth.hook.custom_access_token]\n  enabled=true # off\n\turi   =   "${URI}" # ours\n`,
    ],
    [
      'in a table with one key: the other goes below, with its indentation',
      '[auth.hook.custom_access_token] # c\n  enabled = false # off\n\n# next\n[db]\n',
      `[auth.hook.custom_access_token] # c\n  enabled = true # off\n  uri = "${URI}"\n\n# next\n[db]\n`,
    ],
    [
      'in a table that shows the key as a comment: below the comment',
      '[auth.hook.custom_access_token]\n# uri = "x"\nenabled = false\n',
      `[auth.hook.custom_access_token]\n# uri = "x"\nuri = "${URI}"\nenabled = true\n`,
    ],
    [
      'in an empty table, with spaces in its header',
      '[ auth . hook . custom_access_token ]\n[db]\nport = 1\n',
      `[ auth . hook . custom_access_token ]\nenabled = true\nuri = "${URI}"\n[db]\nport = 1\n`,
    ],
    [
      'with quoted keys',
      '["auth".\'hook\'."custom_access_token"]\n"enabled" = false\n',
      `["auth".'hook'."custom_access_token"]\n"enabled" = true\nuri = "${URI}"\n`,
    ],
    [
      'as dotted keys of a table: the other is dotted too',
      '[auth]\n  hook."custom_access_token".enabled = false\nsite_url = "x"\n',
      `[auth]\n  hook."custom_access_token".enabled = true\n  hook."custom_access_token".uri = "${URI}"\nsite_url = "x"\n`,
    ],
    [
      'as dotted keys of the root',
      'auth.hook.custom_access_token.uri = "x"\n[db]\nport = 1\n',
      `auth.hook.custom_access_token.uri = "${URI}"\nauth.hook.custom_access_token.enabled = true\n[db]\nport = 1\n`,
    ],
    [
      'as an inline table',
      '[auth.hook]\ncustom_access_token = { enabled = false } # c\n',
      `[auth.hook]\ncustom_access_token = { enabled = true, uri = "${URI}" } # c\n`,
    ],
    [
      'as an empty inline table',
      '[auth.hook]\ncustom_access_token = {}\n',
      `[auth.hook]\ncustom_access_token = { enabled = true, uri = "${URI}" }\n`,
    ],
    [
      'inside an inline table of its table',
      'auth = { hook = { send_sms = {enabled = true} } }\n',
      `auth = { hook = { send_sms = {enabled = true}, custom_access_token.enabled = true, custom_access_token.uri = "${URI}" } }\n`,
    ],
    [
      'in a file without a last line ending',
      '[auth]\nsite_url = "x"',
      `[auth]\nsite_url = "x"\n\n[auth.hook.custom_access_token]\nenabled = true\nuri = "${URI}"`,
    ],
    [
      'in a file that ends with empty lines',
      '[auth]\nsite_url = "x"\n\n\n',
      `[auth]\nsite_url = "x"\n\n[auth.hook.custom_access_token]\nenabled = true\nuri = "${URI}"\n\n\n`,
    ],
    ['in an empty file', '', `[auth.hook.custom_access_token]\nenabled = true\nuri = "${URI}"\n`],
    [
      'after a byte order mark',
      '\uFEFF[auth]\r\n',
      `\uFEFF[auth]\r\n\r\n[auth.hook.custom_access_token]\r\nenabled = true\r\nuri = "${URI}"\r\n`,
    ],
    [
      'not below a comment that shows it where keys of another table follow',
      '[auth]\n# [auth.hook.custom_access_token]\n# enabled = true\nsite_url = "x"\n',
      `[auth]\n# [auth.hook.custom_access_token]\n# enabled = true\nsite_url = "x"\n\n[auth.hook.custom_access_token]\nenabled = true\nuri = "${URI}"\n`,
    ],
    [
      'not below what only looks like a comment, in a text of several lines',
      'a = """\n# [auth.hook.custom_access_token]\n# enabled = true\n"""\n',
      `a = """\n# [auth.hook.custom_access_token]\n# enabled = true\n"""\n\n[auth.hook.custom_access_token]\nenabled = true\nuri = "${URI}"\n`,
    ],
    [
      'not below a comment inside a list',
      '[auth.hook.custom_access_token]\nsecrets = [\n  # enabled = true\n  "x",\n]\n[db]\n',
      `[auth.hook.custom_access_token]\nsecrets = [\n  # enabled = true\n  "x",\n]\nenabled = true\nuri = "${URI}"\n[db]\n`,
    ],
    [
      'below the keys that a comment shows, not below words for the next table',
      '# [auth.hook.custom_access_token]\n# Runs before a token is issued.\n# enabled = true\n# About the database.\n[db]\n',
      `# [auth.hook.custom_access_token]\n# Runs before a token is issued.\n# enabled = true\n[auth.hook.custom_access_token]\nenabled = true\nuri = "${URI}"\n# About the database.\n[db]\n`,
    ],
  ])('%s', (_, before, after) => {
    expect(editToml(before, enable())).toBe(after);
    expect(editToml(after, enable())).toBe(after);
  });

  test.each([
    [
      'a comment behind a key stays',
      '[a]\nx = 1\n\n[auth.hook.custom_access_token]\nenabled = true # why\nuri = "x"\n',
      '[a]\nx = 1\n\n# why\n',
    ],
    [
      'a comment behind the header stays',
      '[auth.hook.custom_access_token] # why\nenabled = true\n[db]\n',
      '# why\n[db]\n',
    ],
    [
      'a comment between header and key stays',
      '[auth.hook.custom_access_token]\n# why\nenabled = true\n[db]\n',
      '# why\n[db]\n',
    ],
    [
      'a comment behind the last key stays',
      '[auth.hook.custom_access_token]\nuri = "x" # why\n[db]\n',
      '# why\n[db]\n',
    ],
    [
      'another key stays, and the header with it',
      '[auth.hook.custom_access_token]\nuri = "x"\nsecrets = "y"\n',
      '[auth.hook.custom_access_token]\nsecrets = "y"\n',
    ],
    ['the header of a table above stays', '[auth]\nhook.custom_access_token.enabled = true\n', '[auth]\n'],
    [
      'the last line has no line ending, as before',
      '[a]\nx = 1\n\n[auth.hook.custom_access_token]\nuri = "x"',
      '[a]\nx = 1',
    ],
    ['there is no empty line to take along', '[a]\nx = 1\n[auth.hook.custom_access_token]\nuri = "x"', '[a]\nx = 1'],
    [
      'an inline table keeps the rest',
      'auth.hook.custom_access_token = { a = 1, enabled = true, uri = "x" }\n',
      'auth.hook.custom_access_token = { a = 1 }\n',
    ],
    [
      'the first of an inline table',
      'auth.hook.custom_access_token = { uri = "x", enabled = true, a = 1 }\n',
      'auth.hook.custom_access_token = { a = 1 }\n',
    ],
    ['nothing is there', '[auth]\nsite_url = "x"\n', '[auth]\nsite_url = "x"\n'],
  ])('is removed: %s', (_, before, after) => {
    expect(editToml(before, disable)).toBe(after);
  });
});

describe('a list', () => {
  test.each([
    ['on one line', 'schemas = ["a", "b"] # c', 'schemas = ["a", "b", "x"] # c'],
    ['with a comma at its end', 'schemas = [ "a", "b", ]', 'schemas = [ "a", "b", "x", ]'],
    ['on one line, tight', "schemas=['a','b']", "schemas=['a','b', \"x\"]"],
    [
      'on several lines, with comments',
      'schemas = [\n  # first\n  "a", # one\n  "b" # two\n  # last\n]',
      'schemas = [\n  # first\n  "a", # one\n  "b", # two\n  "x"\n  # last\n]',
    ],
    [
      'on several lines, with a comma at its end',
      'schemas = [\n\t"a",\n\t"b", # two\n]',
      'schemas = [\n\t"a",\n\t"b", # two\n\t"x",\n]',
    ],
    ['closed on the last line', 'schemas = [\n  "a",\n  "b"]', 'schemas = [\n  "a",\n  "b",\n  "x"]'],
    ['with commas in front', 'schemas = [\n    "a"\n  , "b"\n]', 'schemas = [\n    "a"\n  , "b", "x"\n]'],
  ])('gets an element and loses it again: %s', (_, list, longer) => {
    for (const eol of ['\n', '\r\n']) {
      const [before, after] = [list, longer].map((text) => `[api]\n${text}\nmax_rows = 1\n`.replaceAll('\n', eol));
      expect(editToml(before!, schemas('a', 'b', 'x'))).toBe(after);
      expect(editToml(after!, schemas('a', 'b'))).toBe(before);
    }
  });

  test.each([
    ['schemas = ["x", "a", "b"]', 'schemas = ["a", "b"]'],
    ['schemas = ["a", "x", "b"]', 'schemas = ["a", "b"]'],
    ['schemas = [\n  "x",\n  "a", "b"\n]', 'schemas = [\n  "a", "b"\n]'],
    ['schemas = [\n  "a",\n  "x", # why\n  "b"\n]', 'schemas = [\n  "a",\n  # why\n  "b"\n]'],
    ['schemas = [\n  "a",\n  "b", # keep\n  "x"]', 'schemas = [\n  "a",\n  "b" # keep\n  ]'],
  ])('loses an element wherever it is, and no comment: %j', (before, after) => {
    expect(editToml(`[api]\n${before}\n`, schemas('a', 'b'))).toBe(`[api]\n${after}\n`);
  });

  test('that is empty gets its first element, and its comment stays', () => {
    expect(editToml('[api]\nschemas = []\n', schemas('x'))).toBe('[api]\nschemas = ["x"]\n');
    expect(editToml('[api]\nschemas = [ # none\n]\n', schemas('x'))).toBe('[api]\nschemas = ["x" # none\n]\n');
    expect(editToml('[api]\nschemas = ["x"]\n', schemas())).toBe('[api]\nschemas = []\n');
  });

  test('that changes in more than one place is written anew', () => {
    expect(editToml('[api]\nschemas = ["a", "b"] # c\n', schemas('c', 'd'))).toBe('[api]\nschemas = ["c", "d"] # c\n');
  });
});

describe('whatever the file looks like', () => {
  const FILES: Record<string, string> = {
    'with Windows line endings': '# top\r\n[api]\r\nschemas = [\r\n  "public", # p\r\n]\r\n[auth]\r\n',
    'with mixed line endings': '[api]\r\nport = 1\n[auth]\nsite_url = "x"\r\n',
    'with a byte order mark': '\uFEFF[api]\nport = 1\n',
    'with tabs and trailing spaces': '[api]\t \n\tport\t=\t1\t \n\n[auth] \t\n\tsite_url = "x"   \n',
    'with comments after values': '[api] # a\nschemas = ["public"] # [ "x", ]\nport = 1 # = 2\n',
    'with texts of several lines':
      'a = """\n[api]\nschemas = []\n"""\nb = \'\'\'\n# [auth.hook.custom_access_token]\n\'\'\'\n',
    'with quoted and odd keys': '"api"."x y" = 1\n["auth"."é".\'\']\n"=" = "#"\n',
    'with dotted keys': 'api.port = 1\nauth.hook.custom_access_token.enabled = false\nauth.site_url = "x"\n',
    'with inline tables':
      'api = {port = 1, tls = {enabled = false}}\nauth = {hook = {custom_access_token = {uri = "x"}}}\n',
    'with arrays of tables': '[[things]]\na = 1\n[[things]]\na = 2\n[api]\nport = 1\n',
    'with subtables first':
      '[auth.hook.send_sms]\nenabled = true\n[auth]\nsite_url = "x"\n[api.tls]\nenabled = false\n',
    'with dates and numbers': 'd = 1979-05-27T07:32:00Z\nl = 1979-05-27\nn = 0xFF\nf = 1e3\n[api]\nport = 1_000\n',
    'with other scripts and surrogate pairs': '# 🦕 日本語\n[auth]\nsite_url = "🦕"\n[api]\nport = 1\n',
    'with nothing but a comment': '# nothing here',
    'with a remote':
      '[remotes.staging]\nproject_id = "abcdefghijklmnopqrst"\nauth.hook.custom_access_token.enabled = false\n',
  };
  const EDITS: TomlEdit[] = [
    ...enable(),
    {path: ['api', 'schemas'], value: ['public', 'supasession']},
    {path: ['api', 'odd key'], value: 'quote " back \\ line \n del \u007F é 🦕'},
    {path: ['api', 'port'], value: 54_321},
    {path: ['remotes', 'staging', ...HOOK, 'uri'], value: URI},
  ];

  /** As a plain object, with the one path set. */
  function expected(text: string, {path, value}: TomlEdit): unknown {
    const document = JSON.parse(JSON.stringify(parse(text.replace(/^\uFEFF/, '')))) as Record<string, unknown>;
    const above: Record<string, unknown>[] = [document];
    for (const part of path.slice(0, -1)) above.push((above.at(-1)![part] ??= {}) as Record<string, unknown>);
    above.at(-1)![path.at(-1)!] = value;
    return document;
  }

  test.each(Object.entries(FILES))('%s: an edit changes the one key and nothing else', (_, text) => {
    for (const edit of EDITS) {
      const after = editToml(text, [edit]);
      expect(JSON.parse(JSON.stringify(parse(after.replace(/^\uFEFF/, ''))))).toEqual(expected(text, edit));
      expect(after.startsWith('\uFEFF')).toBe(text.startsWith('\uFEFF'));
      // The line of a value that changes, or a last line that had no line ending.
      expect(lineDiff(text, after).filter((line) => line.startsWith('- ')).length).toBeLessThanOrEqual(1);
      if (parse(text.replace(/^\uFEFF/, ''))[edit.path[0]!] === undefined) {
        expect(editToml(after, [{path: edit.path, value: undefined}])).toBe(text);
      }
    }
  });
});
