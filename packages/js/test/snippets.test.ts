import {expect, it} from '@jest/globals';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

/** Compiled in a folder of this package, so that its imports are found. */
const FOLDER = path.resolve('packages/js/snippets');
const SOURCES = path.resolve('packages/js/src');

/** What the recipes use of frameworks that are not installed here. */
const FRAMEWORKS = `
declare module 'vue' {
  export function shallowRef<T>(value: T): {value: T};
  export function onUnmounted(callback: () => void): void;
}
declare module '@sveltejs/kit' {
  interface Event { request: Request }
  export type Handle = (input: {event: Event; resolve: (event: Event) => Promise<Response>}) => Promise<Response>;
}
declare module 'next/headers' {
  interface Store {
    getAll(): {name: string; value: string}[];
    set(name: string, value: string, options: object): void;
  }
  export function cookies(): Promise<Store>;
}
declare module 'react-native' {
  export const AppState: {addEventListener(type: 'change', listener: (state: string) => void): void};
  export const View: (props: {style: object; onTouchStart: () => void}) => null;
}
declare module 'react-native-mmkv' {
  export class MMKV {
    getString(key: string): string | undefined;
    set(key: string, value: string): void;
    delete(key: string): void;
  }
}
declare module 'expo-sqlite/localStorage/install';
`;

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  jsx: ts.JsxEmit.ReactJSX,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: true,
  noEmit: true,
  paths: {
    'supasession-js': [`${SOURCES}/index.ts`],
    'supasession-js/*': [`${SOURCES}/*.ts`],
  },
};

/** The TypeScript of a page, by the line it begins at. A block that names its file is what the others import. */
function snippetsOf(page: string): Map<string, string> {
  const text = readFileSync(page, 'utf8');
  const files = new Map<string, string>();
  for (const {1: language, 2: code, index} of text.matchAll(/^```(tsx?)\n(.*?)^```$/gms)) {
    const line = text.slice(0, index).split('\n').length;
    const name = code!.startsWith('// session.ts') ? 'session.ts' : `${path.basename(page)}-${line}.${language}`;
    files.set(path.join(FOLDER, name), `${code}\nexport {};\n`);
  }
  return files;
}

function compile(files: Map<string, string>, paths: Record<string, string[]> = {}): string[] {
  const options = {...OPTIONS, paths: {...OPTIONS.paths, ...paths}};
  const disk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (name) => files.has(name) || disk.fileExists(name),
    readFile: (name) => files.get(name) ?? disk.readFile(name),
    directoryExists: () => true,
    getSourceFile: (name, ...rest) => {
      const text = files.get(name);
      return text === undefined ? disk.getSourceFile(name, ...rest) : ts.createSourceFile(name, text, rest[0]);
    },
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return ts.getPreEmitDiagnostics(program).map(({file, start, messageText}) => {
    const line = file ? file.getLineAndCharacterOfPosition(start!).line + 1 : 0;
    return `${path.basename(file?.fileName ?? '')}:${line} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

it('compiles every snippet of the README and of docs/app.md', () => {
  const readme = snippetsOf('packages/js/README.md');
  const app = snippetsOf('docs/app.md');
  expect([readme.size, app.size]).toEqual([14, 2]);
  const frameworks: [string, string] = [path.join(FOLDER, 'frameworks.d.ts'), FRAMEWORKS];
  expect(compile(new Map([...readme, ...app, frameworks]))).toEqual([]);
});

it('fits the types of the lowest supabase-js', () => {
  const [name, code] = [...snippetsOf('packages/js/README.md')].find(([file]) => file.endsWith('session.ts'))!;
  const server = `${code}import {verifySession} from 'supasession-js/server';
    import {expiringStorage} from 'supasession-js/storage';
    createClient(url, key, {auth: {storage: expiringStorage({deadline: '1h'})}});
    createSessionClient(supabase, {anon: supabase});
    void verifySession(supabase);`;
  const lowest = path.resolve('node_modules/lowest-supabase-js/dist/module/index.d.ts');
  expect(compile(new Map([[name, server]]), {'@supabase/supabase-js': [lowest]})).toEqual([]);
});

it('finds an error in a snippet', () => {
  const name = path.join(FOLDER, 'wrong.ts');
  expect(compile(new Map([[name, "import {createSession} from 'supasession-js';"]]))).toMatchObject([
    expect.stringContaining("no exported member 'createSession'"),
  ]);
});
