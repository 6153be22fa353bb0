import {readdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import ts from 'typescript';

const COMMAND_LINES = 80;
const FUNCTION_LINES = 50;

/** Functions that may be longer, as `file name`, with the reason. */
const EXCEPTIONS: Record<string, string> = {};

interface Measured {
  name: string;
  lines: number;
}

function functionsIn(file: string, text: string): Measured[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  const line = (position: number) => source.getLineAndCharacterOfPosition(position).line;
  const found: Measured[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
      const name = node.name?.getText(source) ?? `at line ${line(node.getStart(source)) + 1}`;
      found.push({name: `${file} ${name}`, lines: line(node.end) - line(node.getStart(source)) + 1});
    }

    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function tooLong(measured: Measured[], limit: number): string[] {
  return measured.filter(({lines}) => lines > limit).map(({name, lines}) => `${name}: ${lines} lines`);
}

async function sources(folder: string): Promise<Array<{file: string; text: string}>> {
  const names = (await readdir(folder, {recursive: true})).filter((name) => name.endsWith('.ts'));
  return Promise.all(
    names.map(async (name) => {
      const file = path.join(folder, name);
      return {file, text: await readFile(file, 'utf8')};
    }),
  );
}

test(`a command has at most ${COMMAND_LINES} lines: parse, one call, show, return`, async () => {
  const commands = (await sources('src/commands')).map(({file, text}) => ({
    name: file,
    lines: text.split('\n').length - 1,
  }));
  expect(commands.map(({name}) => name)).toContain('src/commands/rules/add.ts');
  expect(tooLong(commands, COMMAND_LINES)).toEqual([]);
});

test(`a function has at most ${FUNCTION_LINES} lines`, async () => {
  const functions = (await sources('src')).flatMap(({file, text}) => functionsIn(file, text));
  expect(functions.map(({name}) => name)).toContain('src/database/connection.ts connect');
  const allowed = ({name}: Measured) => name in EXCEPTIONS;
  expect(
    tooLong(
      functions.filter((one) => !allowed(one)),
      FUNCTION_LINES,
    ),
  ).toEqual([]);
  // An exception that is no longer needed goes.
  expect(tooLong(functions.filter(allowed), FUNCTION_LINES)).toHaveLength(Object.keys(EXCEPTIONS).length);
});

/** Each is `lines` long, from its first line to the last. */
test.each([
  ['a function', (body: string) => `export async function f() {\n${body}}\n`],
  ['an arrow', (body: string) => `const f = () => {\n${body}};\n`],
  ['a method', (body: string) => `class C {\n  f() {\n${body}  }\n}\n`],
  ['a private method', (body: string) => `class C {\n  async #f() {\n${body}  }\n}\n`],
  ['a getter', (body: string) => `const o = {\n  get f() {\n${body}  },\n};\n`],
  ['a constructor', (body: string) => `class C {\n  constructor() {\n${body}  }\n}\n`],
])('%s of one line too many is found', (_, wrap) => {
  const text = (lines: number) => wrap('    void 0;\n'.repeat(lines - 2));
  expect(tooLong(functionsIn('f.ts', text(FUNCTION_LINES)), FUNCTION_LINES)).toEqual([]);
  expect(tooLong(functionsIn('f.ts', text(FUNCTION_LINES + 1)), FUNCTION_LINES)).toEqual([
    expect.stringMatching(/^f\.ts .*: 51 lines$/),
  ]);
});
