import Bowser from 'bowser';

import {printable} from './text.js';

/** Where bowser's names are longer than people's. */
const NAMES: Record<string, string> = {
  'Microsoft Edge': 'Edge',
  'Samsung Internet for Android': 'Samsung Internet',
};

/** What signs in without a browser and does not give its own name first. */
const PROGRAMS: ReadonlyArray<[RegExp, string]> = [
  [/SupabaseEdgeRuntime/, 'Supabase Edge Function'],
  [/^Node\b/i, 'Node.js'],
  [/^(node-fetch|undici)\b/i, 'Node.js'],
  [/^Dart\//, 'Dart app'],
  [/^Dalvik\//, 'Android app'],
  [/^okhttp\//i, 'app (okhttp)'],
  [/^ktor\b/i, 'app (Ktor)'],
  [/^Go-http-client\//, 'Go program'],
  [/^python-(httpx|requests|urllib3)\//i, 'Python ($1)'],
  [/^Python\/\S+ (aiohttp)\//, 'Python ($1)'],
  [/^PostmanRuntime\//, 'Postman'],
];

/** In characters; a user agent is what the client says it is, of any length. */
const LONGEST_AGENT = 512;
const LONGEST_NAME = 40;

function browser(agent: string): string {
  const {browser: found, os, platform} = Bowser.parse(agent);
  const system = os.name === 'iOS' ? (platform.model ?? os.name) : os.name;
  // A web view: the app's own user agent lacks what the browser of the system has.
  const app = /; wv\)/.test(agent) || (os.name === 'iOS' && !/Safari\//.test(agent));
  // bowser falls back to the first word, which every browser begins with.
  const known = found.name === undefined || found.name === '' || found.name === 'Mozilla' ? undefined : found.name;
  const name = app ? 'app' : known && (NAMES[known] ?? known);
  if (system === undefined) return name ?? 'unknown browser';
  return `${name ?? 'browser'} on ${system}`;
}

function program(agent: string): string {
  for (const [pattern, name] of PROGRAMS) {
    const match = pattern.exec(agent);
    if (match !== null) return name.replace('$1', match[1] ?? '');
  }

  const apple = /^([^/]+)\/\S+ CFNetwork\//.exec(agent);
  if (apple !== null) return `${apple[1]!.replaceAll('%20', ' ')} (Apple app)`;
  // The name of the first product: "curl/8.4.0".
  return agent.split(/[/;(]/, 1)[0]!.trim();
}

/**
 * @param userAgent what the client called itself at its sign-in; null where it did not
 * @returns the device in a few words, safe to print
 */
export function device(userAgent: string | null): string {
  const agent = printable(userAgent ?? '')
    .trim()
    .slice(0, LONGEST_AGENT);
  const words = /^(Mozilla|Opera)\//.test(agent) ? browser(agent) : program(agent);
  if (words === '') return 'unknown device';
  return words.length > LONGEST_NAME ? `${words.slice(0, LONGEST_NAME - 1)}…` : words;
}
