/** examples/server: the session in cookies that no script reads. */
import type {Page} from 'playwright-core';
import {fillIn, PHONE, picture, press, type BrowserStage} from './stage.js';

/** Makes the token in the cookies one that has to be refreshed. */
async function expireToken(page: Page): Promise<void> {
  const cookies = (await page.context().cookies()).sort((a, b) => a.name.localeCompare(b.name));
  const text = cookies.map(({value}) => value).join('');
  const session = JSON.parse(Buffer.from(text.replace('base64-', ''), 'base64url').toString()) as object;
  const changed = `base64-${Buffer.from(JSON.stringify({...session, expires_at: 1})).toString('base64url')}`;
  let at = 0;
  await page
    .context()
    .addCookies(cookies.map((cookie) => ({...cookie, value: changed.slice(at, (at += cookie.value.length))})));
}

export function cookies(stage: () => BrowserStage): void {
  async function signIn(user: {email: string; password: string}): Promise<Page> {
    const page = await (await stage().device()).newPage();
    await page.goto(stage().urls.server);
    await fillIn(page, user);
    await page.getByRole('heading', {name: user.email}).waitFor();
    return page;
  }

  async function addNote(page: Page, text: string): Promise<void> {
    await page.getByLabel('New note').fill(text);
    await press(page, 'Add');
    await page.getByText(text).waitFor();
  }

  describe('a session in HTTP-only cookies', () => {
    it('is invisible to script, and goes with the sign-out', async () => {
      const page = await signIn(await stage().newUser());
      await addNote(page, 'milk');
      expect(
        await page.evaluate(() => [document.cookie, Object.keys(localStorage), Object.keys(sessionStorage)]),
      ).toEqual(['', [], []]);
      const cookies = await page.context().cookies();
      expect(cookies.length).toBeGreaterThan(0);
      for (const {httpOnly, sameSite} of cookies)
        expect({httpOnly, sameSite}).toEqual({httpOnly: true, sameSite: 'Lax'});
      await picture(page, 'server');
      await press(page, 'Sign out');
      await page.getByRole('heading', {name: 'Sign in'}).waitFor();
      expect(await page.context().cookies()).toEqual([]);
    });

    it('that was evicted is told so at the next page', async () => {
      await stage().app.configure({max_sessions: 1});
      const user = await stage().newUser();
      const page = await signIn(user);
      await stage().signIn(user, {userAgent: PHONE});
      await page.reload();
      expect(await page.getByRole('alert').textContent()).toBe(
        'You were signed out because you signed in on Safari on iPhone.',
      );
      expect(await page.context().cookies()).toEqual([]);
      await picture(page, 'server-evicted');
    });

    it('asks for the password again before what cannot be undone, if the sign-in is old', async () => {
      const user = await stage().newUser();
      const page = await signIn(user);
      await addNote(page, 'milk');
      await stage().asAdmin(
        `update auth.mfa_amr_claims set created_at = created_at - interval '1 hour', updated_at = updated_at - interval '1 hour'
         where session_id in (select id from auth.sessions where user_id = $1)`,
        [user.id],
      );
      // A refreshed token is no fresh sign-in.
      await expireToken(page);
      await press(page, 'Delete all notes');
      await page.getByRole('heading', {name: 'Is it you?'}).waitFor();
      await picture(page, 'server-confirm');
      await page.getByLabel('Password').fill(user.password);
      await press(page, 'Confirm');
      await page.getByText('milk').waitFor();
      await press(page, 'Delete all notes');
      await page.getByText('milk').waitFor({state: 'detached'});
    });

    it('takes no form of another site', async () => {
      const page = await signIn(await stage().newUser());
      const answer = await page.request.post(`${stage().urls.server}/delete-all`, {
        headers: {origin: 'https://evil.example', 'content-type': 'application/x-www-form-urlencoded'},
      });
      expect(answer.status()).toBe(403);
    });
  });
}
