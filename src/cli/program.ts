import {existsSync} from 'node:fs';
import path from 'node:path';

import type {Env} from '../supabase/project.js';

/** What stands before the name of a program that a project has as a dependency. */
const RUN = {npm: 'npx ', pnpm: 'pnpm exec ', yarn: 'yarn ', bun: 'bunx '} as const;
type Manager = keyof typeof RUN;

const LOCKFILES: ReadonlyArray<[string, Manager]> = [
  ['pnpm-lock.yaml', 'pnpm'],
  ['yarn.lock', 'yarn'],
  ['bun.lock', 'bun'],
  ['bun.lockb', 'bun'],
  ['package-lock.json', 'npm'],
];

function upFrom(folder: string): string[] {
  const parent = path.dirname(folder);
  return parent === folder ? [folder] : [folder, ...upFrom(parent)];
}

/** The package manager of a folder: that of the nearest lockfile. */
export function managerOf(folder: string): Manager {
  for (const above of upFrom(folder)) {
    const found = LOCKFILES.find(([file]) => existsSync(path.join(above, file)));
    if (found !== undefined) return found[1];
  }

  return 'npm';
}

/**
 * What was typed before the program's name, as far as it can be told: "npx ", "pnpm dlx ", or nothing for a global one.
 * @param script the path that node was started with
 */
export function startedBy(script: string, cwd: string, env: Env): string {
  const file = script.replaceAll('\\', '/');
  const agent = /^(npm|pnpm|yarn|bun)\//.exec(env['npm_config_user_agent'] ?? '')?.[1] as Manager | undefined;
  // Where each of them keeps what it runs without installing it.
  if (file.includes('/_npx/')) return RUN.npm;
  if (file.includes('/bunx-')) return RUN.bun;
  if (/\/dlx[-/]/.test(file)) return agent === 'yarn' ? 'yarn dlx ' : 'pnpm dlx ';
  const folder = /^(.*?)\/node_modules\//.exec(file)?.[1];
  const local = folder !== undefined && upFrom(cwd.replaceAll('\\', '/')).includes(folder || '/');
  return local ? RUN[agent ?? managerOf(folder)] : '';
}

/** What to type for the supabase CLI in a folder: its own copy through the package manager, else the one on the PATH. */
export function supabaseIn(cwd: string): string {
  const own = upFrom(cwd).some((folder) => existsSync(path.join(folder, 'node_modules', '.bin', 'supabase')));
  return own ? `${RUN[managerOf(cwd)]}supabase` : 'supabase';
}

const ADD = {npm: 'npm install --save-dev', pnpm: 'pnpm add --save-dev', yarn: 'yarn add --dev', bun: 'bun add --dev'};

/** What adds a package to the project of a folder. */
export function addPackage(cwd: string, name: string): string {
  return `${ADD[managerOf(cwd)]} ${name}`;
}
