/** How each way to end a session looks on the device. */
import {
  addNote,
  comeBack,
  fillIn,
  PHONE,
  picture,
  press,
  readNotes,
  signedIn,
  steps,
  told,
  tokenKeys,
  type BrowserStage,
} from './stage.js';

const phone = {userAgent: PHONE, viewport: {width: 390, height: 760}};

export function ends(stage: () => BrowserStage): void {
  describe('an evicted device', () => {
    it('is told at its next focus what took the place', async () => {
      await stage().app.configure({max_sessions: 1});
      const user = await stage().newUser();
      const laptop = await stage().signIn(user);
      await stage().signIn(user, phone);
      await comeBack(laptop);
      expect(await told(laptop)).toBe('You were signed out because you signed in on Safari on iPhone.');
      expect(await tokenKeys(laptop)).toEqual([]);
      await picture(laptop, 'evicted');
    });

    it('is told at its next request if the guard is on, and its token is of no use', async () => {
      await stage().app.configure({max_sessions: 1});
      await stage().guard(true);
      const user = await stage().newUser();
      const laptop = await stage().signIn(user);
      expect(await addNote(laptop, 'Ask Ben about Friday')).toBe('Request allowed');
      await stage().signIn(user, phone);
      await press(laptop, 'Read notes');
      expect(await told(laptop)).toBe('You were signed out because you signed in on Safari on iPhone.');
      await press(laptop, 'Try the last token');
      await laptop.getByRole('log').getByText('the last token of this page: 401 PT401 Session has ended').waitFor();
      const seen = await steps(laptop);
      expect(seen.filter((step) => !/refreshed/.test(step)).slice(0, 3)).toEqual([
        'Signed in',
        'Stored',
        'Request allowed',
      ]);
      expect(seen.slice(3).sort()).toEqual(['Request denied', 'Request denied', 'Signed out']);
      await picture(laptop, 'timeline');
    });

    it('can sign in again, which evicts the other one', async () => {
      await stage().app.configure({max_sessions: 1});
      const user = await stage().newUser();
      const laptop = await stage().signIn(user);
      const other = await stage().signIn(user, phone);
      await comeBack(laptop);
      await told(laptop);
      await fillIn(laptop, user);
      await signedIn(laptop, user);
      await comeBack(other);
      expect(await told(other)).toBe('You were signed out because you signed in on Chrome on Linux.');
      await picture(other, 'evicted-phone');
    });
  });

  it('a refused sign-in says how many devices there are, and what to do', async () => {
    await stage().app.configure({max_sessions: 1, strategy: 'reject', reject_in_hook: true});
    const user = await stage().newUser();
    const laptop = await stage().signIn(user);
    const other = await stage().open(await stage().device(phone));
    await fillIn(other, user);
    const refusal = other.getByRole('alert');
    expect(await refusal.textContent()).toBe(
      'You are signed in on 1 device, and no more are allowed. Sign out there, then try again here.',
    );
    await picture(other, 'refused');
    await press(laptop, 'Sign out');
    expect(await told(laptop)).toBe('You have signed out.');
    await fillIn(other, user);
    await signedIn(other, user);
  });

  it('a wrong password is told as Auth says it', async () => {
    const user = await stage().newUser();
    const page = await stage().open(await stage().device());
    await fillIn(page, {...user, password: 'wrong password'});
    expect(await page.getByRole('alert').textContent()).toContain('Invalid login credentials');
  });

  describe('signing out', () => {
    it('here leaves the other devices signed in', async () => {
      const user = await stage().newUser();
      const [laptop, other] = [await stage().signIn(user), await stage().signIn(user, phone)];
      await press(laptop, 'Sign out');
      expect(await told(laptop)).toBe('You have signed out.');
      await comeBack(other);
      expect(await readNotes(other)).toBe('Request allowed');
    });

    it('one other device tells that one where it was done', async () => {
      const user = await stage().newUser();
      const [other, laptop] = [await stage().signIn(user, phone), await stage().signIn(user)];
      await laptop.getByText('this device').waitFor();
      await picture(laptop, 'devices');
      await press(laptop, 'Sign out Safari on iPhone');
      await laptop.getByText('Safari on iPhone').waitFor({state: 'detached'});
      await comeBack(other);
      expect(await told(other)).toBe('This device was signed out on Chrome on Linux.');
    });

    it('all others ends them, and not this one', async () => {
      const user = await stage().newUser();
      const others = [await stage().signIn(user, phone), await stage().signIn(user, phone)];
      const laptop = await stage().signIn(user);
      await press(laptop, 'Sign out all others');
      await laptop.getByText('Safari on iPhone').first().waitFor({state: 'detached'});
      for (const other of others) {
        await comeBack(other);
        expect(await told(other)).toBe('This device was signed out on Chrome on Linux.');
      }
      await comeBack(laptop);
      expect(await readNotes(laptop)).toBe('Request allowed');
    });

    it('everywhere ends all of them', async () => {
      const user = await stage().newUser();
      const [laptop, other] = [await stage().signIn(user), await stage().signIn(user, phone)];
      await press(laptop, 'Sign out everywhere');
      expect(await told(laptop)).toBe('You have signed out.');
      await comeBack(other);
      expect(await told(other)).toBe('Your session has ended.');
    });
  });

  describe('a user', () => {
    it('whose access is revoked is told so', async () => {
      const user = await stage().newUser();
      const laptop = await stage().signIn(user);
      await stage().app.database.query('select supasession.revoke_access($1)', [user.id]);
      await comeBack(laptop);
      expect(await told(laptop)).toBe('Your access was revoked.');
      await picture(laptop, 'revoked');
    });

    it('who is banned is told so', async () => {
      const user = await stage().newUser();
      const laptop = await stage().signIn(user);
      await stage().app.admin.auth.admin.updateUserById(user.id, {ban_duration: '24h'});
      await comeBack(laptop);
      expect(await told(laptop)).toBe('Your access was revoked.');
    });

    it('who is deleted is signed out', async () => {
      const user = await stage().newUser();
      const laptop = await stage().signIn(user);
      await stage().app.admin.auth.admin.deleteUser(user.id);
      await comeBack(laptop);
      expect(await told(laptop)).toBe('Your session has ended.');
      expect(await tokenKeys(laptop)).toEqual([]);
    });
  });
}
