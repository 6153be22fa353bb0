import {afterEach, beforeEach, expect, jest} from '@jest/globals';
import {type SupabaseClient} from '@supabase/supabase-js';
import {
  createSessionClient,
  watchFetch,
  type SessionClient,
  type SessionClientOptions,
  type SessionEvent,
  type SharedStorage,
} from '../src/index.js';
import {openPage, type Page} from './page.js';
import {ANON_KEY, FakeProject, memoryStorage, URL_OF_PROJECT, VERSIONS, type Version} from './project.js';

export const START = new Date('2026-11-22T10:00:00Z');

export interface Tab {
  supabase: SupabaseClient;
  session: SessionClient;
  events: SessionEvent[];
  close(): void;
}

interface TabOptions extends Partial<Omit<SessionClientOptions, 'fetch'>> {
  watched?: boolean;
  autoRefreshToken?: boolean;
}

/** A browser whose clock is moved by hand, on a fake project. */
export interface Browser {
  project: FakeProject;
  page: Page;
  /** What auth-js stores. */
  stored: ReturnType<typeof memoryStorage>;
  /** What the tabs share. */
  shared: SharedStorage;
  openTab(options?: TabOptions): Tab;
  /** Closes all tabs, and keeps what is stored. */
  closeTabs(): void;
}

/** Lets answers arrive, and time pass. */
export const pass = async (ms = 0): Promise<void> => jest.advanceTimersByTimeAsync(ms);

export async function signIn({supabase}: Tab): Promise<void> {
  const {error} = await supabase.auth.signInWithPassword({email: 'a@example.com', password: 'x'});
  expect(error).toBeNull();
  await pass();
}

export const isSignedOut = async ({supabase}: Tab): Promise<boolean> =>
  (await supabase.auth.getSession()).data.session === null;

let browsers = 0;

/** A new browser for each test of a file. */
export function useBrowser(version: Version = 'newest'): Browser {
  const tabs: Tab[] = [];
  const browser = {
    openTab: ({watched = true, autoRefreshToken = false, ...options}: TabOptions = {}): Tab => {
      const fetch = watchFetch(browser.project.fetch);
      const supabase = VERSIONS[version]({
        fetch: watched ? fetch : browser.project.fetch,
        storage: browser.stored,
        storageKey: `auth-${browsers}`,
        autoRefreshToken,
      });
      const session = createSessionClient(supabase, {
        url: URL_OF_PROJECT,
        key: ANON_KEY,
        storage: browser.shared,
        ...(watched && {fetch}),
        ...options,
      });
      const events: SessionEvent[] = [];
      session.onChange((event) => events.push(event));
      const close = (): void => {
        session.dispose();
        void supabase.auth.stopAutoRefresh();
      };
      tabs.push({supabase, session, events, close});
      return tabs.at(-1)!;
    },
    closeTabs: () => {
      for (const tab of tabs.splice(0)) tab.close();
    },
  } as Browser;
  beforeEach(() => {
    browsers += 1;
    jest.useFakeTimers({now: START});
    const page = openPage();
    Object.assign(browser, {project: new FakeProject(), page, stored: memoryStorage(), shared: page.localStorage});
  });
  afterEach(() => {
    browser.closeTabs();
    browser.page.close();
    jest.useRealTimers();
  });
  return browser;
}
