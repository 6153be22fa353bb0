import {startManagementApi, type ManagementApiStandIn} from './management-api.js';
import type {TestProject} from './project.js';
import type {TestServer} from './server.js';

/** Of the hosted project that `startHosted` stands for. */
export const REF = 'abcdefghijklmnopqrst';
const PASSWORD = 'linked-password';

/** A hosted project: the server's database by a role like the pooler's, and a stand-in of the Management API. */
export interface Hosted {
  api: ManagementApiStandIn;
  /** For the program: the password of the database, and the access token. */
  env: Record<string, string>;
  /** The same without an access token. */
  noToken: Record<string, string>;
  /** Leaves behind what `supabase link` does. */
  link: (project: TestProject) => Promise<void>;
}

/** Starts it; its `api` is to be stopped. */
export async function startHosted(server: TestServer): Promise<Hosted> {
  const admin = await server.connect('supabase_admin');
  await admin.query(
    `create role "postgres.${REF}" login bypassrls password '${PASSWORD}'; grant postgres to "postgres.${REF}"`,
  );
  const api = await startManagementApi(REF);
  const noToken = {SUPABASE_DB_PASSWORD: PASSWORD};
  return {
    api,
    env: {...noToken, ...api.env},
    noToken,
    link: async (project) => {
      await project.write('supabase/.temp/project-ref', REF);
      const pooler = `postgresql://postgres.${REF}@127.0.0.1:${server.port}/postgres`;
      await project.write('supabase/.temp/pooler-url', pooler);
    },
  };
}
