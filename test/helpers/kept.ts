import type {TestProject} from './project.js';
import type {TestServer} from './server.js';

/**
 * For what many tests of a file begin with and the real supabase CLI takes seconds for, such as `init --apply`: it is done for the first
 * of them, and the others get a copy of what it has left in the database and in supabase/migrations.
 */
export class Kept {
  readonly #files = new Map<string, string>();

  /** Ends all connections to the server, and begins with its database anew, so it comes before everything else in a test. */
  async or(server: TestServer, project: TestProject, work: () => Promise<void>): Promise<void> {
    if (this.#files.size > 0) {
      await server.reset('kept');
      for (const [file, text] of this.#files) await project.addMigration(file, text);
      return;
    }
    await work();
    await server.keep();
    for (const file of await project.migrations()) this.#files.set(file, await project.migration(file));
  }
}
