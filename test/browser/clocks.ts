/** Times: the warning, the clocks of the app and of the server, sleep, and being away. */
import type {Page} from 'playwright-core';
import {
  addNote,
  comeBack,
  PHONE,
  picture,
  press,
  readNotes,
  signedIn,
  signedOut,
  steps,
  told,
  tokenKeys,
  type BrowserStage,
} from './stage.js';
import {until} from '../helpers/wait.js';

const UNUSED = 'You were signed out because the app was not used for a while.';

const warning = (page: Page) => page.getByRole('alertdialog', {name: 'You will be signed out soon'});

async function secondsLeft(page: Page): Promise<number> {
  return Number(await page.getByRole('timer', {name: 'Seconds left'}).textContent());
}

export function clocks(stage: () => BrowserStage): void {
  describe('a page that nobody uses', () => {
    it('warns, goes on when told to stay, and ends otherwise', async () => {
      const user = await stage().newUser();
      await stage().signIn(user, {userAgent: PHONE});
      const laptop = await stage().signIn(user);
      expect(await addNote(laptop, 'Ask Ben about Friday')).toBe('Request allowed');
      await laptop.clock.fastForward('02:05');
      await warning(laptop).waitFor();
      expect(await secondsLeft(laptop)).toBeGreaterThan(45);
      expect(await secondsLeft(laptop)).toBeLessThanOrEqual(55);
      await picture(laptop, 'warning');
      await press(laptop, 'Stay signed in');
      await warning(laptop).waitFor({state: 'detached'});
      await laptop.getByRole('log').getByText('Token refreshed').waitFor();
      expect(await steps(laptop)).toEqual([
        ...['Signed in', 'Stored', 'Request allowed', 'Warning', 'Extended', 'Token refreshed'],
      ]);
      await laptop.clock.fastForward('02:05');
      await warning(laptop).waitFor();
      await laptop.clock.fastForward('01:00');
      expect(await told(laptop)).toBe(UNUSED);
      expect(await tokenKeys(laptop)).toEqual([]);
    });

    it('counts what is done in another tab, and ends in both, once each', async () => {
      const user = await stage().newUser();
      const first = await stage().signIn(user);
      const second = await stage().open(first.context());
      await signedIn(second, user);
      await first.clock.fastForward('02:05');
      await warning(first).waitFor();
      await press(second, 'Stay signed in');
      await warning(first).waitFor({state: 'detached'});
      await first.clock.fastForward('03:05');
      expect([await told(first), await told(second)]).toEqual([UNUSED, UNUSED]);
      for (const page of [first, second])
        expect((await steps(page)).filter((step) => step === 'Signed out')).toHaveLength(1);
    });

    it('has ended when a laptop wakes up, also if its clock was set back', async () => {
      const laptop = await stage().signIn(await stage().newUser());
      await laptop.clock.pauseAt(new Date(Date.now() + 8 * 3_600_000));
      expect(await told(laptop)).toBe(UNUSED);
      await laptop.clock.setSystemTime(new Date());
      await laptop.reload();
      await signedOut(laptop);
      expect(await tokenKeys(laptop)).toEqual([]);
    });
  });

  it('a reload after the end asks for a sign-in', async () => {
    const laptop = await stage().signIn(await stage().newUser());
    await laptop.clock.fastForward('03:05');
    await told(laptop);
    await laptop.reload();
    await signedOut(laptop);
    expect(await told(laptop)).toBe(UNUSED);
  });

  describe('a browser that was closed', () => {
    /** The same browser, opened again after some milliseconds. What a session storage had is gone. */
    async function reopen(page: Page, after: number): Promise<Page> {
      const storageState = await page.context().storageState();
      await page.context().close();
      const context = await stage().device({storageState});
      await context.clock.fastForward(after);
      return stage().open(context);
    }

    it('is still signed in soon after', async () => {
      const user = await stage().newUser();
      const page = await reopen(await stage().signIn(user), 60_000);
      await signedIn(page, user);
      expect((await steps(page))[0]).toBe('Still signed in');
    });

    it('is signed out if it was not used for too long', async () => {
      const page = await reopen(await stage().signIn(await stage().newUser()), 3_600_000);
      await signedOut(page);
      expect(await told(page)).toBe(UNUSED);
      expect(await tokenKeys(page)).toEqual([]);
    });

    it('is signed out if the user did not want to be remembered', async () => {
      const user = await stage().newUser();
      const page = await stage().open(await stage().device());
      await page.getByLabel('Email').fill(user.email);
      await page.getByLabel('Password').fill(user.password);
      await page.getByLabel('Stay signed in after the browser is closed').uncheck();
      await press(page, 'Sign in');
      await signedIn(page, user);
      await page.reload();
      await signedIn(page, user);
      const opened = await reopen(page, 1_000);
      await signedOut(opened);
      expect(await tokenKeys(opened)).toEqual([]);
    });
  });

  describe("a deadline of the server's", () => {
    it('warns without a way to stay, and ends when the server says so', async () => {
      await stage().app.configure({max_sessions: 5, timebox: '45 seconds'});
      const user = await stage().newUser();
      const laptop = await stage().signIn(user);
      await warning(laptop).waitFor();
      expect(await laptop.getByRole('button', {name: 'Stay signed in'}).count()).toBe(0);
      expect(await secondsLeft(laptop)).toBeLessThanOrEqual(45);
      await picture(laptop, 'deadline');
      // The server's clock is the one that counts.
      await laptop.clock.fastForward('01:00');
      await comeBack(laptop);
      await signedIn(laptop, user);
      await stage().app.database.query(
        "update auth.sessions set not_after = now() - interval '1 second' where user_id = $1",
        [user.id],
      );
      await comeBack(laptop);
      expect(await told(laptop)).toMatch(
        /^You were signed out because a sign-in lasts only so long|^Your session has expired/,
      );
    });

    it('moves when the user stays, if it is about inactivity', async () => {
      await stage().app.configure({max_sessions: 5, inactivity_timeout: '30 seconds'});
      const laptop = await stage().signIn(await stage().newUser(), {userAgent: PHONE});
      await warning(laptop).waitFor();
      // The server's deadlines are whole seconds.
      await until('a second has passed', async () => (await secondsLeft(laptop)) <= 28);
      await press(laptop, 'Stay signed in');
      await laptop.getByRole('log').getByText('Token refreshed').waitFor();
      await laptop.getByRole('log').getByText('Extended').waitFor();
    });
  });

  it('a minute offline signs nobody out', async () => {
    const user = await stage().newUser();
    const laptop = await stage().signIn(user);
    await laptop.context().setOffline(true);
    await comeBack(laptop);
    await press(laptop, 'Read notes');
    // supabase-js tries again, and again.
    await until('the request has failed', async () => {
      await laptop.clock.fastForward(5_000);
      return (await steps(laptop)).includes('Request denied');
    });
    await laptop.clock.fastForward('01:00');
    await comeBack(laptop);
    await signedIn(laptop, user);
    await laptop.context().setOffline(false);
    await comeBack(laptop);
    await signedIn(laptop, user);
    expect(await readNotes(laptop)).toBe('Request allowed');
  });
}
