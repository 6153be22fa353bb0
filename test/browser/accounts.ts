/** What is stored in a browser: several accounts, foreign content, stolen tokens. */
import {randomBytes} from 'node:crypto';
import {until} from '../helpers/wait.js';
import {
  addNote,
  comeBack,
  fillIn,
  press,
  readNotes,
  signedIn,
  signedOut,
  told,
  tokenKeys,
  type BrowserStage,
} from './stage.js';

export function accounts(stage: () => BrowserStage): void {
  it('a new account is signed in at once', async () => {
    const page = await stage().open(await stage().device());
    await press(page, 'Make an account');
    const user = {email: `new.${randomBytes(4).toString('hex')}@example.com`, password: 'correct horse battery'};
    await page.getByLabel('Email').fill(user.email);
    await page.getByLabel('Password').fill(user.password);
    await press(page, 'Sign up');
    await signedIn(page, user);
    expect(await readNotes(page)).toBe('Request allowed');
  });

  describe('several accounts in one browser', () => {
    it('do not hear of each other', async () => {
      const [ada, ben] = [await stage().newUser('ada'), await stage().newUser('ben')];
      const page = await stage().signIn(ada);
      expect(await addNote(page, "Ada's secret")).toBe('Request allowed');
      await page.getByText("Ada's secret").waitFor();
      await page.clock.fastForward('03:05');
      await told(page);
      await fillIn(page, ben);
      await signedIn(page, ben);
      expect(await page.getByRole('status').count()).toBe(0);
      expect(await readNotes(page)).toBe('Request allowed');
      expect(await page.getByText("Ada's secret").count()).toBe(0);
      // The clock of the first account has not ended the second.
      await page.clock.fastForward('01:00');
      await comeBack(page);
      await signedIn(page, ben);
    });

    it('follow each other in all tabs', async () => {
      const [ada, ben] = [await stage().newUser('ada'), await stage().newUser('ben')];
      const first = await stage().signIn(ada);
      const second = await stage().open(first.context());
      await signedIn(second, ada);
      await press(second, 'Sign out');
      expect(await told(first)).toBe('You have signed out.');
      await first.getByRole('log').getByText('userInitiated, told by another tab').waitFor();
      await fillIn(second, ben);
      await signedIn(second, ben);
      await signedIn(first, ben);
    });
  });

  it.each([
    ['no JSON', () => 'corrupt {'],
    ['another shape', () => JSON.stringify({access_token: 1, refresh_token: [], user: 'me'})],
    ['cut in half', (text: string) => text.slice(0, text.length / 2)],
    ['nothing', () => ''],
  ])('content of the storage that was tampered with (%s) counts as signed out', async (_, tamper) => {
    const user = await stage().newUser();
    const page = await stage().signIn(user);
    const changed = await page.evaluate(
      ([keys]) => keys!.map((key) => [key, localStorage.getItem(key)!] as const),
      [await page.evaluate(() => Object.keys(localStorage).filter((key) => /^sb-|^supasession/.test(key)))],
    );
    expect(changed.length).toBeGreaterThan(1);
    await page.evaluate(
      (entries) => entries.forEach(([key, text]) => localStorage.setItem(key, text)),
      changed.map(([key, text]) => [key, tamper(text)] as [string, string]),
    );
    await page.reload();
    await signedOut(page);
    await fillIn(page, user);
    await signedIn(page, user);
  });

  it('a stolen token that was used ends the session, and the user is told so', async () => {
    const user = await stage().newUser();
    const page = await stage().signIn(user);
    const [key] = await tokenKeys(page);
    const stored = await page.evaluate((name) => localStorage.getItem(name)!, key!);
    const token = /"refresh_token":"([^"]+)"/.exec(stored.replaceAll('\\"', '"'))![1]!;
    const thief = stage().app.createClient();
    for (let uses = 0; uses < 2; uses++) {
      const {data, error} = await thief.auth.refreshSession(uses === 0 ? {refresh_token: token} : undefined);
      if (error) throw error;
      expect(data.session).not.toBeNull();
    }
    // The interval in which Auth forgives a second use.
    await stage().app.database.query(
      "update auth.refresh_tokens set updated_at = updated_at - interval '1 minute' where user_id = $1",
      [user.id],
    );
    await page.clock.fastForward('02:05');
    await press(page, 'Stay signed in');
    expect(await told(page)).toBe('You were signed out for your safety.');
    expect(await tokenKeys(page)).toEqual([]);
    // The page signs out at the server, too, and waits for no answer.
    await until('the thief is signed out', async () => (await thief.auth.refreshSession()).error !== null);
  });
}
