import {SupasessionError} from '../errors.js';
import {isProjectRef, readLink, type Link} from '../supabase/link.js';
import type {Project} from '../supabase/project.js';

/**
 * @param env SUPABASE_PROJECT_ID overrides the link state
 * @param projectRef undefined for the linked project
 * @returns undefined if the project is not linked
 * @throws SupasessionError TARGET_INVALID for what is no reference, PROJECT_NOT_FOUND if nothing else names the project
 */
export async function findLink(
  findProject: () => Promise<Project>,
  env: NodeJS.ProcessEnv,
  projectRef?: string,
): Promise<Link | undefined> {
  const named = projectRef ?? (env.SUPABASE_PROJECT_ID || undefined);
  if (named !== undefined && !isProjectRef(named)) {
    throw new SupasessionError('TARGET_INVALID', `"${named}" is not a project reference.`, {
      suggestions: ['A reference is the 20 letters in the address of the project: {supabase} projects list'],
    });
  }

  let link: Link | undefined;
  try {
    link = await readLink(
      await findProject(),
      projectRef === undefined ? env : {...env, SUPABASE_PROJECT_ID: projectRef},
    );
  } catch (error) {
    // A project that is named needs no folder.
    if (named === undefined || !(error instanceof SupasessionError) || error.code !== 'PROJECT_NOT_FOUND') throw error;
  }

  if (link === undefined && named !== undefined)
    return {projectRef: named, source: 'the command line', poolerUrl: undefined};
  return link;
}
