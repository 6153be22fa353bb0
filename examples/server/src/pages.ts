import {html} from 'hono/html';

type Page = ReturnType<typeof html>;

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; --accent: light-dark(#047857, #34d399); --line: light-dark(#dde3e0, #2c3833);
  background: light-dark(#f4f6f5, #0f1412); color: light-dark(#17211d, #e6edea) }
body { max-width: 32rem; margin: 0 auto; padding: 1.5rem 1rem; display: grid; gap: 1rem }
h1, h2, p, ul { margin: 0; padding: 0; list-style: none } h1 { font-size: 1.5rem } h2 { font-size: 1.125rem }
section, form { display: grid; gap: .875rem }
section { padding: 1.25rem; border: 1px solid var(--line); border-radius: .75rem; background: light-dark(#fff, #18201d) }
label { display: grid; gap: .25rem; font-weight: 500 }
input, button { font: inherit; color: inherit; padding: .5rem .875rem; border: 1px solid var(--line); border-radius: .5rem; background: none }
button { cursor: pointer; justify-self: start; font-weight: 500 } button:hover { border-color: var(--accent) }
button.primary { background: var(--accent); border-color: var(--accent); color: light-dark(#fff, #06281c) }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
[role=alert] { padding: .75rem 1rem; border-radius: .5rem; border: 1px solid light-dark(#b45309, #fbbf24); background: light-dark(#fffbeb, #2f2611) }
li { padding: .375rem 0; border-top: 1px solid var(--line) } small { color: light-dark(#5a6963, #9aaaa3) }`;

const page = (title: string, body: Page): Page =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        <header>
          <h1>Notes</h1>
          <p><small>Without a script: the session is in HTTP-only cookies.</small></p>
        </header>
        ${body}
      </body>
    </html>`;

const alert = (message: string): Page | string => (message === '' ? '' : html`<p role="alert">${message}</p>`);

/** @param message why nobody is signed in, in words, or '' */
export const signInPage = (message: string): Page =>
  page(
    'Sign in',
    html`${alert(message)}
      <section>
        <h2>Sign in</h2>
        <form method="post" action="/sign-in">
          <label>Email <input name="email" type="email" autocomplete="username" required /></label>
          <label> Password <input name="password" type="password" autocomplete="current-password" required /> </label>
          <button class="primary">Sign in</button>
        </form>
      </section>`,
  );

/** Asks for the password again: a refreshed token is no new sign-in. */
export const confirmPage = (email: string): Page =>
  page(
    'Is it you?',
    html`${alert('This cannot be undone. Enter your password again, then delete.')}
      <section>
        <h2>Is it you?</h2>
        <form method="post" action="/sign-in">
          <input name="email" type="hidden" value="${email}" />
          <label>
            Password <input name="password" type="password" autocomplete="current-password" required autofocus />
          </label>
          <button class="primary">Confirm</button>
        </form>
      </section>`,
  );

export const notesPage = (content: {email: string; signedInAt: Date | null; notes: Array<{body: string}>}): Page =>
  page(
    'Notes',
    html`<section>
        <h2>${content.email}</h2>
        <p><small>Signed in at ${content.signedInAt?.toLocaleString() ?? 'an unknown time'}</small></p>
        <form method="post" action="/sign-out"><button>Sign out</button></form>
      </section>
      <section>
        <h2>Your notes</h2>
        <ul>
          ${content.notes.map(({body}) => html`<li>${body}</li>`)}
        </ul>
        <form method="post" action="/notes">
          <label>New note <input name="body" autocomplete="off" required /></label>
          <button>Add</button>
        </form>
        <form method="post" action="/delete-all"><button>Delete all notes</button></form>
      </section>`,
  );
