import {createRequire} from 'node:module';
import type Pg from 'pg';

/**
 * The driver. It asks `navigator` what it runs on, and if there is none makes a Response, for which Node 20 loads all of fetch: a tenth
 * of what a command takes to start.
 */
export const pg = load();

function load(): typeof Pg {
  const require = createRequire(import.meta.url);
  if ('navigator' in globalThis) return require('pg') as typeof Pg;
  // As Node 21 and later have it, and only for the moment: others would take it for a browser's.
  Object.defineProperty(globalThis, 'navigator', {value: {userAgent: 'Node.js'}, configurable: true});
  try {
    return require('pg') as typeof Pg;
  } finally {
    Reflect.deleteProperty(globalThis, 'navigator');
  }
}
