import {createProject, type TestProject} from './project.js';
import {startServer, type TestServer} from './server.js';

/** Of the test file that runs. */
export let server: TestServer;
/** Of the test that runs. */
export let project: TestProject;

/** Gives each test of a file a new project, whose local database is that of a server of the file's own, and is made anew after each test. */
export function useLocalProject(): void {
  beforeAll(async () => {
    server = await startServer();
  });
  beforeEach(async () => {
    project = await createProject({port: server.port});
  });
  afterEach(async () => {
    await project.remove();
    await server.reset();
  });
  afterAll(async () => server.stop());
}
