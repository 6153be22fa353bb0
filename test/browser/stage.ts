/** The example apps in Chromium: a context is a device, and pages of one context are tabs. */
import {randomBytes} from 'node:crypto';
import {mkdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import {chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page} from 'playwright-core';
import {serveSite} from '../../examples/server/src/serve.js';
import {servePage} from '../../examples/web/serve.js';
import {startApp, type App, type AppUser} from '../helpers/app.js';
import {tool} from '../helpers/tools.js';

/** Chromium as Debian names it, the smaller one first. */
export const CHROMIUM = ['chromium-headless-shell', 'chromium'];

/** As root it has no sandbox, and it shall ask nobody but the pages. */
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];
const MORE_ARGS = ['--disable-sync', '--no-first-run'];

export const LAPTOP =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36';
export const PHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1';

/** A server, a stand-in, both examples and a browser, for all tests of a file. */
export class BrowserStage {
  /** What pages threw and nobody caught. */
  readonly problems: string[] = [];
  readonly #contexts: BrowserContext[] = [];

  private constructor(
    readonly app: App,
    /** Addresses of the two examples. */
    readonly urls: {web: string; server: string},
    readonly browser: Browser,
    readonly stop: () => Promise<void>,
  ) {}

  static async start(): Promise<BrowserStage> {
    const app = await startApp();
    await app.database.query(`drop table if exists public.notes; ${await readFile('examples/notes.sql', 'utf8')}`);
    const project = {url: app.url, key: app.anonKey};
    const [web, server, browser] = await Promise.all([
      servePage(project),
      serveSite(project),
      chromium.launch({executablePath: tool(...CHROMIUM)!, args: [...ARGS, ...MORE_ARGS]}),
    ]);
    return new BrowserStage(app, {web: web.url, server: server.url}, browser, async () => {
      await browser.close();
      await Promise.all([web.close(), server.close()]);
      await app.stop();
    });
  }

  /** A device, with a clock that tests may move. */
  async device(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const context = await this.browser.newContext({userAgent: LAPTOP, ...options});
    this.#contexts.push(context);
    context.on('weberror', (error) => this.problems.push(String(error.error().stack)));
    context.setDefaultTimeout(10_000);
    await context.clock.install();
    return context;
  }

  /** Opens the web app in a new tab. */
  async open(context: BrowserContext): Promise<Page> {
    const page = await context.newPage();
    await page.goto(this.urls.web);
    return page;
  }

  /** Signs a user in on a new device. */
  async signIn(user: AppUser, options: BrowserContextOptions = {}): Promise<Page> {
    const page = await this.open(await this.device(options));
    await fillIn(page, user);
    await signedIn(page, user);
    await page.getByText('this device').waitFor();
    return page;
  }

  /** A new confirmed user with a name that pictures can show. */
  async newUser(name = 'ada'): Promise<AppUser> {
    const email = `${name}.${randomBytes(2).toString('hex')}@example.com`;
    const password = 'correct horse battery';
    const {data, error} = await this.app.admin.auth.admin.createUser({email, password, email_confirm: true});
    if (error) throw error;
    return {id: data.user.id, email, password};
  }

  /** Sets or removes the Data API's pre-request function, as `supasession guard enable` does on a hosted project. */
  async guard(on: boolean): Promise<void> {
    await this.asAdmin(
      `alter role authenticator ${on ? "set pgrst.db_pre_request = 'supasession.check_request'" : 'reset pgrst.db_pre_request'}`,
    );
  }

  /** One statement as the superuser: for what nobody else may do. */
  async asAdmin(sql: string, values?: unknown[]): Promise<void> {
    const admin = new pg.Client({connectionString: this.app.databaseUrl('supabase_admin')});
    await admin.connect();
    await admin.query(sql, values);
    await admin.end();
  }

  /** Closes all devices. */
  async clear(): Promise<void> {
    await Promise.all(this.#contexts.splice(0).map(async (context) => context.close()));
  }
}

/** Fills in the sign-in form and sends it. */
export async function fillIn(page: Page, {email, password}: Pick<AppUser, 'email' | 'password'>): Promise<void> {
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', {name: 'Sign in'}).click();
}

/** Saves what the page looks like, light and dark, wide and narrow, if SUPASESSION_PICTURES names a folder. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env['SUPASESSION_PICTURES'];
  if (folder === undefined) return;
  await mkdir(folder, {recursive: true});
  const before = page.viewportSize()!;
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({colorScheme});
    for (const [width, size] of Object.entries({wide: {width: 1100, height: 760}, phone: {width: 390, height: 760}})) {
      await page.setViewportSize(size);
      await page.screenshot({path: path.join(folder, `${name}-${colorScheme}-${width}.png`), fullPage: true});
    }
  }
  await page.setViewportSize(before);
}

/** The tab comes back after ten seconds: later than two questions to the server may follow each other. */
export async function comeBack(page: Page): Promise<void> {
  await page.clock.fastForward(10_000);
  await page.evaluate(() => window.dispatchEvent(new Event('focus')));
}

/** What the page says about the end of the session, once it does. */
export async function told(page: Page): Promise<string> {
  const notice = page.getByRole('status', {name: 'Why you were signed out'});
  return (await notice.getByRole('heading').textContent())!;
}

/** The titles of the timeline. */
export async function steps(page: Page): Promise<string[]> {
  return page.getByRole('log').locator('strong').allTextContents();
}

/** The keys under which the browser holds tokens. */
export async function tokenKeys(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [localStorage, sessionStorage].flatMap((storage) =>
      Object.keys(storage).filter((key) => storage.getItem(key)!.includes('refresh_token')),
    ),
  );
}

/** Waits until the page shows that this user is signed in. */
export async function signedIn(page: Page, {email}: Pick<AppUser, 'email'>): Promise<void> {
  await page.getByRole('heading', {name: email}).waitFor();
}

/** Waits until the page asks for a sign-in. */
export async function signedOut(page: Page): Promise<void> {
  await page.getByRole('heading', {name: 'Sign in'}).waitFor();
}

/** Presses the button of this name. */
export async function press(page: Page, name: string): Promise<void> {
  await page.getByRole('button', {name, exact: true}).click();
}

/** What the timeline says of the request that this makes: "Request allowed" or "Request denied". */
async function request(page: Page, send: () => Promise<void>): Promise<string> {
  const requests = page.getByRole('log').locator('strong', {hasText: 'Request'});
  const before = await requests.count();
  await send();
  return (await requests.nth(before).textContent())!;
}

/** Reads the notes, and waits for the answer. */
export async function readNotes(page: Page): Promise<string> {
  return request(page, async () => press(page, 'Read notes'));
}

/** Adds a note, and waits for the answer. */
export async function addNote(page: Page, text: string): Promise<string> {
  return request(page, async () => {
    await page.getByLabel('New note').fill(text);
    await press(page, 'Add');
  });
}
