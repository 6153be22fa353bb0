import {afterAll, afterEach, beforeAll, expect, it} from '@jest/globals';
import {GlobalWindow} from 'happy-dom';
import {act, type ReactNode} from 'react';
import {createRoot, type Root} from 'react-dom/client';
import {renderToString} from 'react-dom/server';
import {type Device, type Result, type SessionClient, type SessionState} from '../src/index.js';
import {useDevices, useSession} from '../src/react.js';
import {NOBODY} from '../src/state.js';

/** A session client whose state and answers the test sets. */
class FakeClient {
  listeners = new Set<(state: SessionState) => void>();
  state = NOBODY;
  answers: Result<Device[]>[] = [];
  getSnapshot = (): SessionState => this.state;
  subscribe = (listener: (state: SessionState) => void): (() => void) => {
    this.listeners.add(listener);
    listener(this.state);
    return () => void this.listeners.delete(listener);
  };
  listDevices = async (): Promise<Result<Device[]>> => this.answers.shift()!;
  revokeDevice = async (): Promise<Result<boolean>> => ({data: true, error: null});
  set(state: Partial<SessionState>): void {
    this.state = {...this.state, ...state};
    for (const listener of this.listeners) listener(this.state);
  }
}

const device = (label: string): Device => ({
  ...{id: label, current: false, label, ip: null, endsAt: null},
  ...{createdAt: new Date(0), lastSeenAt: new Date(0)},
});

const dom = new GlobalWindow();
let root: Root | undefined;
let client: FakeClient;

beforeAll(() => void Object.assign(globalThis, {window: dom, document: dom.document, IS_REACT_ACT_ENVIRONMENT: true}));
afterEach(async () => act(async () => root?.unmount()));
afterAll(async () => {
  Reflect.deleteProperty(globalThis, 'window');
  Reflect.deleteProperty(globalThis, 'document');
  await dom.happyDOM.close();
});

const page = (): string => dom.document.body.textContent;

async function show(node: (client: SessionClient) => ReactNode): Promise<void> {
  client = new FakeClient();
  const App = (): ReactNode => node(client as unknown as SessionClient);
  const element = dom.document.createElement('div');
  dom.document.body.replaceChildren(element);
  root = createRoot(element as unknown as HTMLElement);
  await act(async () => root!.render(<App />));
}

it('shows the state of the session, and each change', async () => {
  await show((session) => <p>{JSON.stringify(useSession(session).secondsLeft)}</p>);
  expect(page()).toBe('null');
  await act(async () => client.set({live: true, secondsLeft: 60}));
  expect(page()).toBe('60');
  await act(async () => root!.unmount());
  expect(client.listeners.size).toBe(0);
});

it('renders nobody on a server', () => {
  const session = Object.assign(new FakeClient(), {state: {...NOBODY, live: true}}) as unknown as SessionClient;
  const App = (): ReactNode => <p>{String(useSession(session).live)}</p>;
  expect(renderToString(<App />)).toBe('<p>false</p>');
});

it('lists the devices when a session begins, again after a sign-out, and none after the end', async () => {
  let revoke = async (_: string): Promise<unknown> => undefined;
  await show((session) => {
    const list = useDevices(session);
    revoke = list.revoke;
    return <p>{list.loading ? 'loading' : (list.error?.message ?? list.devices.map(({label}) => label).join())}</p>;
  });
  client.answers = [
    {data: [device('laptop'), device('phone')], error: null},
    {data: [device('laptop')], error: null},
  ];
  await act(async () => client.set({live: true, sessionId: 'one'}));
  expect(page()).toBe('laptop,phone');
  await act(async () => revoke('phone'));
  expect(page()).toBe('laptop');
  await act(async () => client.set({live: false}));
  expect(page()).toBe('');
});

it('shows why there is no list', async () => {
  await show((session) => <p>{useDevices(session).error?.message}</p>);
  const error = Object.assign(new Error('Run it'), {
    code: 'notExposed' as const,
    status: 406,
    reason: undefined,
    cause: undefined,
  });
  client.answers = [{data: null, error}];
  await act(async () => client.set({live: true, sessionId: 'one'}));
  expect(page()).toBe('Run it');
});
