import Bowser from 'bowser';

import {printable} from '../../cli/text.js';

// The database says the same by rules of its own, sql/install/15_device.sql; test/db/device.test.ts compares the two.

type Rules = ReadonlyArray<[pattern: RegExp, words: string]>;

/** What bowser does not know, or takes for the browser whose engine it has. */
const BRANDS: Rules = [
  [/compatible; (?=.*ot\/)([\w.-]+)/, '$1'],
  [/FBA[NV]\//, 'Facebook'],
  [/MicroMessenger\//, 'WeChat'],
  [/ GSA\//, 'Google app'],
  [/SamsungBrowser\//, 'Samsung Internet'],
  [/YaBrowser\//, 'Yandex Browser'],
  [/([A-Za-z]*) ?Browser\//, '$1 Browser'],
  [/(Instagram|(Vivaldi|Whale|Silk)(?=\/))/, '$1'],
  [/DuckDuckGo\/| Ddg\//, 'DuckDuckGo'],
];

/** Bowser's names in people's words. */
const BROWSERS = new Map([
  ['Chrome', 'Chrome'],
  ['Chromium', 'Chrome'],
  ['Electron', 'app'],
  ['Firefox', 'Firefox'],
  ['Microsoft Edge', 'Edge'],
  ['Opera', 'Opera'],
  ['Opera Touch', 'Opera'],
]);

/** What stands below other names: bowser takes phones of the makers InFocus and Phantom for browsers, too. */
const ENGINES: Rules = [
  [/Firefox\//, 'Firefox'],
  [/Chrome\//, 'Chrome'],
];

/** What pretends to be another system. */
const DISGUISED: Rules = [
  [/; Xbox/i, 'Xbox'],
  [/ Tizen|Web[0O]S|CrKey\//i, 'TV'],
  // Only "Mobile" and the names of Chrome and Firefox on iOS give it away.
  [/Macintosh.*(Mobile|CriOS|FxiOS)\//i, 'iPad'],
];

/** Bowser's names; it has no others that a session of today can come from. */
const SYSTEMS = new Map([
  ['Android', 'Android'],
  ['Chrome OS', 'ChromeOS'],
  ['HarmonyOS', 'OpenHarmony'],
  ['Linux', 'Linux'],
  ['Windows', 'Windows'],
  ['Windows Phone', 'Windows'],
  ['iOS', 'iPhone'],
  ['macOS', 'macOS'],
]);

/** What bowser does not know: consoles, and how programs write it. */
const FURTHER_SYSTEMS: Rules = [
  [/Windows/i, 'Windows'],
  [/macOS/i, 'macOS'],
  [/; iOS /i, 'iOS'],
  [/CFNetwork\//i, 'an Apple device'],
  [/(PlayStation|Nintendo Switch)/, '$1'],
];

/** In characters; a user agent is what the client says it is, of any length. */
export const LONGEST_AGENT = 512;
const LONGEST_LABEL = 40;

function byRule(rules: Rules, agent: string): string | undefined {
  for (const [pattern, words] of rules) {
    const match = pattern.exec(agent);
    if (match !== null) return words.replace('$1', match[1] ?? '');
  }

  return undefined;
}

function systemOf(agent: string): string | undefined {
  const disguised = byRule(DISGUISED, agent);
  if (disguised !== undefined) return disguised;
  const {os, platform} = Bowser.parse(agent);
  return platform.model === 'iPad' ? 'iPad' : (SYSTEMS.get(os.name ?? '') ?? byRule(FURTHER_SYSTEMS, agent));
}

function browser(agent: string, system: string | undefined): string {
  const brand = byRule(BRANDS, agent);
  if (brand !== undefined) return brand;
  const name = BROWSERS.get(Bowser.parse(agent).browser.name ?? '') ?? byRule(ENGINES, agent);
  // A web view: the app's own user agent says more than the browser of the system does, or less.
  if (agent.includes('; wv)') && (name === undefined || name === 'Chrome')) return 'app';
  if (name !== undefined) return name;
  // Elsewhere what calls itself Safari has but its engine: GNOME, televisions, consoles.
  if (!['iPad', 'iPhone', 'macOS'].includes(system ?? '')) return 'browser';
  return agent.includes('Safari/') ? 'Safari' : 'app';
}

function program(agent: string): string {
  if (agent.includes('SupabaseEdgeRuntime/')) return 'Supabase Edge Function';
  // The name of the first product: "curl/8.4.0".
  return agent.replace(/(?: v?\d|[/;(]).*/s, '').replaceAll('%20', ' ');
}

/**
 * @param userAgent what the client called itself at its sign-in; null if it did not
 * @returns the device in a few words, without versions, safe to print
 */
export function device(userAgent: string | null): string {
  const start = Array.from((userAgent ?? '').slice(0, 2 * LONGEST_AGENT)).slice(0, LONGEST_AGENT);
  const agent = printable(start.join('')).trim();
  if (agent === '') return 'unknown device';
  const system = systemOf(agent);
  const name = (/^Mozilla\//i.test(agent) ? browser(agent, system) : program(agent)).trim();
  if (name === '') return 'unknown device';
  const label = Array.from(system === undefined ? name : `${name} on ${system}`);
  return label.length > LONGEST_LABEL ? `${label.slice(0, LONGEST_LABEL - 1).join('')}…` : label.join('');
}
