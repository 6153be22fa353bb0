import {expect, it, jest} from '@jest/globals';

const offline = (): never => {
  throw new TypeError('Failed to fetch dynamically imported module');
};
jest.unstable_mockModule('../src/devices.js', offline);
jest.unstable_mockModule('../src/refusals.js', offline);
const {pass, signIn, useBrowser} = await import('./browser.js');
const {json} = await import('./project.js');

const browser = useBrowser();

it('gives an error when the code of the devices cannot be loaded', async () => {
  const tab = browser.openTab();
  await signIn(tab);
  const {session} = tab;
  for (const result of [session.listDevices(), session.revokeDevice('a'), session.revokeOtherDevices()])
    expect(await result).toMatchObject({data: null, error: {code: 'unreachable'}});
  expect(tab.events).toEqual([]);
});

it('gives an error when the code for an unexpected answer cannot be loaded', async () => {
  browser.project.answers['session_state'] = () => json(406, {code: 'PGRST106'});
  const tab = browser.openTab();
  await signIn(tab);
  await pass(10_000);
  expect(await tab.session.check()).toMatchObject({data: null, error: {code: 'unreachable', status: 406}});
  expect(tab.session.getSnapshot().live).toBe(true);
});
