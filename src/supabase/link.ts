import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {SupasessionError} from '../errors.js';
import {readProjectEnv} from './env-files.js';
import {errorCode, reasonOf} from './file-errors.js';
import type {Env, Project} from './project.js';

/** The hosted project that a folder is linked to. */
export interface Link {
  /** 20 lower-case letters. */
  projectRef: string;
  /** Where the ref is from: `SUPABASE_PROJECT_ID`, or the path of the file. */
  source: string;
  /** The connection pooler of this project, without a password; undefined when the CLI left none, or one of another project. */
  poolerUrl: string | undefined;
}

/** Whether a text has the form of a project ref (the CLI accepts no other): 20 lower-case letters. */
export function isProjectRef(text: string): boolean {
  return /^[a-z]{20}$/.test(text);
}

/**
 * Reads which hosted project this one is linked to: `SUPABASE_PROJECT_ID`, else what `supabase link` left behind.
 *
 * @returns undefined when it is not linked
 * @throws SupasessionError TARGET_INVALID (bad SUPABASE_PROJECT_ID), NOT_LINKED (bad link file), CONFIG_UNREADABLE
 */
export async function readLink(project: Project, env: Env): Promise<Link | undefined> {
  const refFile = path.join(project.supabaseDir, '.temp', 'project-ref');
  const {shell} = await readProjectEnv(project, env);
  const fromEnv = shell['SUPABASE_PROJECT_ID']?.trim() || undefined;
  const projectRef = fromEnv ?? (await readLinkFile(refFile));
  if (projectRef === undefined) return undefined;
  if (!isProjectRef(projectRef)) {
    throw fromEnv === undefined
      ? new SupasessionError('NOT_LINKED', `${refFile} does not hold a project ref (20 lower-case letters).`, {
          suggestions: ['{supabase} link --project-ref <ref>'],
        })
      : new SupasessionError(
          'TARGET_INVALID',
          `SUPABASE_PROJECT_ID is "${fromEnv}", which is not a project ref (20 lower-case letters).`,
          {
            suggestions: ['Set it to the ref in the URL of the project’s dashboard, or unset it.'],
          },
        );
  }
  const pooler = await readLinkFile(path.join(project.supabaseDir, '.temp', 'pooler-url'));
  return {
    projectRef,
    source: fromEnv === undefined ? refFile : 'SUPABASE_PROJECT_ID',
    poolerUrl: pooler === undefined ? undefined : poolerOf(projectRef, pooler),
  };
}

/** The file is the last linked project's: with SUPABASE_PROJECT_ID set to another one it must not be used. Older CLIs wrote a password in. */
function poolerOf(projectRef: string, text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (decodeURIComponent(url.username) !== `postgres.${projectRef}`) return undefined;
  url.password = '';
  return url.href;
}

async function readLinkFile(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim() || undefined;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw new SupasessionError('CONFIG_UNREADABLE', `Cannot read ${file}: ${reasonOf(error)}.`, {
      suggestions: ['{supabase} link --project-ref <ref>'],
      cause: error,
    });
  }
}
