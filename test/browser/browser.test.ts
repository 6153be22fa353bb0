import {BrowserStage, CHROMIUM} from './stage.js';
import {describeWith} from '../helpers/tools.js';
import {accounts} from './accounts.js';
import {clocks} from './clocks.js';
import {cookies} from './cookies.js';
import {ends} from './ends.js';

// One file, so that one server, one build of the page and one browser serve all tests.
describeWith(CHROMIUM, 'the example apps in a browser', () => {
  let stage: BrowserStage;

  beforeAll(async () => {
    stage = await BrowserStage.start();
  });

  beforeEach(async () => {
    await stage.app.configure({max_sessions: 5});
    await stage.guard(false);
  });

  afterEach(async () => {
    await stage.clear();
    expect(stage.problems.splice(0)).toEqual([]);
  });

  afterAll(async () => stage.stop());

  ends(() => stage);
  clocks(() => stage);
  accounts(() => stage);
  cookies(() => stage);
});
