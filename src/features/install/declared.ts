import {mkdir, rm, rmdir, writeFile} from 'node:fs/promises';
import path from 'node:path';

import {shellWord, SupasessionError} from '../../errors.js';
import {readTree, type DeclaredTree, type TreeFile} from '../../supabase/declared-tree.js';
import {reasonOf} from '../../supabase/file-errors.js';
import type {Env, Project} from '../../supabase/project.js';
import {policyKey, withoutOurs, type ExportedFile} from './exported.js';
import {
  bodyOf,
  installationSql,
  readMigration,
  withHeader,
  type MigrationState,
  type OwnMigration,
} from './migration.js';

/** Read in the order of their names: the installation before what may use it, the policies after their tables. */
export const DECLARED_FILES = {
  installation: '00_supasession.sql',
  protect: 'zz_supasession_protect.sql',
} as const;
export type DeclaredKind = keyof typeof DECLARED_FILES;
const KINDS = Object.keys(DECLARED_FILES) as DeclaredKind[];

const HEAD = /^-- supasession declared (installation|protect)$/m;

/** A file that was written or removed, or would be in a dry run; `left` still uses supasession, which is gone. */
export interface DeclaredChange {
  /** From the project's root. */
  file: string;
  change: 'left' | 'removed' | 'written';
}

/** A declared file of supasession as it is, and as the migrations require it. */
export interface DeclaredFile {
  kind: DeclaredKind;
  path: string;
  shown: string;
  state: 'current' | 'edited' | 'missing' | 'older' | 'superfluous';
  /** Null for none. */
  wanted: string | null;
}

/** What a project declares of supasession, compared with its migrations. */
export interface DeclaredPlan {
  tree: DeclaredTree;
  /** Those that are there or should be. */
  files: DeclaredFile[];
  exported: ExportedFile[];
  /** The project's own files that use supasession, if the migrations remove it: the CLI cannot load them then. */
  left: TreeFile[];
}

/** The row that an installation starts with: pg-delta refuses a file that leaves rows behind. */
const SEED = /^insert into supasession\.config \(version\)\n[^;]*;\n/m;
const COMMENT = /--.*$|\/\*[\s\S]*?\*\//gm;

/** Whether the guard calls a pre-request function of the project's own, as far as the project's migrations set one. */
async function chainsPreRequest({all, own}: MigrationState, guard: OwnMigration): Promise<boolean> {
  const ours = new Set(own.map(({file}) => file));
  const before = all
    .slice(
      0,
      all.findIndex(({file}) => file === guard.file),
    )
    .filter(({file}) => !ours.has(file));
  const texts = await Promise.all(before.map(readMigration));
  const set = texts
    .flatMap((text) => [
      ...text.replaceAll(COMMENT, '').matchAll(/\bpgrst\.db_pre_request\b(?:\s*(?:=|to\b)\s*['"]([^'"]+))?/gi),
    ])
    .at(-1)?.[1];
  return set !== undefined && set !== 'supasession.check_request';
}

/** What later steps changed in the functions. Rows and role settings cannot be declared. */
async function afterSteps(state: MigrationState): Promise<string[]> {
  const newest = (kind: OwnMigration['kind']) => state.active.findLast((migration) => migration.kind === kind);
  const [hook, guard] = [newest('hook'), newest('guard')];
  const lines: string[] = [];
  if (hook?.text.includes("_chain('access_token_hook', '")) {
    lines.push("-- It calls the project's own hook, which must run without a SET clause of supasession.");
    lines.push('alter function supasession.access_token_hook(jsonb) reset search_path;');
  }

  const enables = ({kind, text}: OwnMigration) => kind === 'guard' && text.includes('supasession.enable_guard()');
  // Disabling it leaves these rights.
  if (state.active.some(enables)) lines.push('-- For the guard.', 'select supasession._grant_guard();');
  if (guard !== undefined && enables(guard) && (await chainsPreRequest(state, guard))) {
    lines.push(
      "-- It calls the project's own pre-request function, which must run without a SET clause of supasession.",
    );
    lines.push('alter function supasession.check_request() reset search_path;');
  }

  return lines;
}

async function installationText(state: MigrationState): Promise<string | null> {
  const newest = state.active.findLast(({kind}) => kind === 'installation');
  if (newest === undefined) return null;
  const after = await afterSteps(state);
  const body = [installationSql(newest).replace(SEED, ''), ...after.map((line) => `${line}\n`)].join('');
  return withHeader(
    'supasession declared installation',
    [
      '-- Written by supasession: what its migrations install, without rows. Leave it as it is, and keep it in this folder:',
      '-- without it the next "supabase db schema declarative sync" writes a migration that drops supasession.',
    ],
    body,
  );
}

/** The policies of `protect` after all its migrations. */
function policies(own: OwnMigration[]): Map<string, string | null> {
  const found = new Map<string, string | null>();
  for (const {text} of own.filter(({kind}) => kind === 'protect')) {
    for (const [statement, drop, dropTable, create, createTable] of text.matchAll(
      /^ {4}(?:drop policy if exists (\S+) on (.+);|create policy (\S+) on (.+)\n[^;]*;)$/gm,
    )) {
      const key = policyKey(drop ?? create!, dropTable ?? createTable!);
      found.set(key, create === undefined ? null : statement.replaceAll(/^ {4}/gm, ''));
    }
  }

  return found;
}

function protectText(active: OwnMigration[]): string | null {
  const statements = [...policies(active).values()].filter((statement) => statement !== null);
  if (statements.length === 0) return null;
  return withHeader(
    'supasession declared protect',
    [
      '-- Written by "supasession protect": the policies that its migrations make. Leave it as it is, and keep it in this folder:',
      '-- without it the next "supabase db schema declarative sync" writes a migration that drops them.',
    ],
    `\n${statements.join('\n\n')}\n`,
  );
}

function kindOf({text}: TreeFile): DeclaredKind | null {
  return (HEAD.exec(text)?.[1] as DeclaredKind | undefined) ?? null;
}

function stateOf(text: string, wanted: string | null): DeclaredFile['state'] {
  if (wanted === null) return 'superfluous';
  if (text === wanted) return 'current';
  return (bodyOf(text)?.edited ?? true) ? 'edited' : 'older';
}

function compare(tree: DeclaredTree, root: string, kind: DeclaredKind, wanted: string | null): DeclaredFile[] {
  // The project may have renamed the file. If there are two, the first counts.
  const present = tree.files.filter((file) => kindOf(file) === kind);
  const files = present.map((file, index): DeclaredFile => {
    const here = index === 0 ? wanted : null;
    return {kind, path: file.path, shown: file.shown, state: stateOf(file.text, here), wanted: here};
  });
  if (files.length > 0 || wanted === null) return files;
  const at = path.join(tree.dir, DECLARED_FILES[kind]);
  return [{kind, path: at, shown: path.relative(root, at).split(path.sep).join('/'), state: 'missing', wanted}];
}

/**
 * Null if the project does not declare its schema, or its migrations never had supasession.
 * @throws SupasessionError MIGRATIONS_UNREADABLE, and what reading the configuration throws
 */
export async function planDeclared(project: Project, state: MigrationState, env: Env): Promise<DeclaredPlan | null> {
  if (state.own.length === 0) return null;
  const tree = await readTree(project, env);
  if (tree === null) return null;
  const wanted = {installation: await installationText(state), protect: protectText(state.active)};
  const stays = wanted.installation !== null;
  const scope = {policies: new Set(policies(state.own).keys()), stays};
  const theirs = tree.files
    .filter((file) => kindOf(file) === null)
    .map((file) => ({file, exported: withoutOurs(file, scope)}));
  const uses = (text: string) => /\bsupasession"?\s*\./i.test(text.replaceAll(COMMENT, ''));
  return {
    tree,
    files: KINDS.flatMap((kind) => compare(tree, project.root, kind, wanted[kind])),
    exported: theirs.map(({exported}) => exported).filter((file) => file !== null),
    left: stays
      ? []
      : theirs
          .filter(({file, exported}) => uses(exported === null ? file.text : (exported.rest ?? '')))
          .map(({file}) => file),
  };
}

/** Folders that became empty go as well, up to that of the tree. */
async function remove(file: string, dir: string): Promise<void> {
  await rm(file, {force: true});
  for (let folder = path.dirname(file); folder.startsWith(`${dir}${path.sep}`); folder = path.dirname(folder)) {
    try {
      await rmdir(folder);
    } catch {
      return;
    }
  }
}

async function change(file: string, text: string | null, dir: string): Promise<void> {
  try {
    if (text === null) {
      await remove(file, dir);
      return;
    }

    await mkdir(path.dirname(file), {recursive: true});
    await writeFile(file, text);
  } catch (error) {
    throw new SupasessionError('MIGRATIONS_UNWRITABLE', `Cannot write ${file}: ${reasonOf(error)}.`, {
      suggestions: [`ls -ld ${shellWord(path.dirname(file))}`],
      cause: error,
    });
  }
}

/**
 * Brings the declared schema in line with the migrations: supasession's own files, and nothing of supasession in those that
 * `supabase db schema declarative generate` has exported.
 *
 * @param state the migrations, with the one that is being written
 * @returns nothing if the project does not declare its schema
 * @throws SupasessionError MIGRATIONS_UNREADABLE, MIGRATIONS_UNWRITABLE, and what reading the configuration throws
 */
export async function writeDeclared(
  project: Project,
  state: MigrationState,
  {env, dryRun}: {env: Env; dryRun: boolean},
): Promise<DeclaredChange[]> {
  const plan = await planDeclared(project, state, env);
  if (plan === null) return [];
  const changes = [
    ...plan.files
      .filter((file) => file.state !== 'current')
      .map(({path: at, shown, wanted}) => ({path: at, shown, text: wanted})),
    ...plan.exported.map(({file, rest}) => ({path: file.path, shown: file.shown, text: rest})),
  ];
  if (!dryRun) for (const {path: at, text} of changes) await change(at, text, plan.tree.dir);
  return [
    ...changes.map(({shown, text}): DeclaredChange => ({file: shown, change: text === null ? 'removed' : 'written'})),
    ...plan.left.map(({shown}): DeclaredChange => ({file: shown, change: 'left'})),
  ];
}
