import type {Target} from '../types.js';

const DIRECT = /^db\.([a-z0-9]+)\.supabase\./;
const POOLER = /\.pooler\.supabase\.com$/;

type Address = Pick<Target, 'host' | 'user' | 'projectRef'>;

function refOf({host, projectRef}: Address): string {
  return projectRef ?? DIRECT.exec(host)?.[1] ?? '<ref>';
}

/** What may be wrong if a pooler does not know a user, or is not found: it serves one region, and finds a project by the user's name. */
export function poolerHints(target: Address): string[] {
  const {host, user} = target;
  return POOLER.test(host)
    ? [
        `Check the region in ${host} (dashboard: Connect), or store the address again: {supabase} link --project-ref ${refOf(target)}`,
        `Check the reference in the user ${user}, which is postgres.<ref>: {supabase} projects list`,
      ]
    : [`Check the user ${user}: a pooler expects <user>.<tenant>`];
}

/** What may be wrong if a target cannot be reached, most likely first. */
export function unreachableHints(target: Address, code?: string): string[] {
  const {host} = target;
  const ref = refOf(target);
  const noName = code === 'ENOTFOUND';
  if (DIRECT.test(host)) {
    return [
      ...(noName ? [`Check the reference ${ref}, and that the project is not paused: {supabase} projects list`] : []),
      // Without the IPv4 add-on the host has only an IPv6 address: a machine without IPv6 does not find the name either.
      `This host has only an IPv6 address on most plans. Without IPv6, use the pooler: {supabase} link --project-ref ${ref}`,
      `Or give the pooler's address (dashboard: Connect): --db-url postgresql://postgres.${ref}@<pooler>:5432/postgres`,
    ];
  }

  if (POOLER.test(host)) {
    return noName ? poolerHints(target) : ['Check the network, and that the project is not paused'];
  }

  if (noName) return [`Check the name ${host}`];
  return [
    code === 'EAI_AGAIN' ? 'No name server answers: check the network' : 'Check the host, the port and the network',
  ];
}
