import type {InstalledFunction} from './queries.js';
import type {Target} from '../../types.js';
import {commandOn} from '../../database/target.js';
import {found, passed, type Finding, type Repair} from './finding.js';

const FUNCTION = /^create or replace function supasession\.(\w+)\(([\s\S]*?)\bas \$\$([\s\S]*?)\$\$;/gm;

/** The body as it counts: line ends are the editor's. */
function normal(body: string): string {
  return body.replaceAll('\r\n', '\n');
}

/**
 * @param sql our SQL
 * @returns the functions that it makes; none of their names is used twice
 */
export function shippedFunctions(sql: string): InstalledFunction[] {
  return [...sql.matchAll(FUNCTION)].map(([, name, head, body]) => ({
    name: name!,
    body: body!,
    definer: /\bsecurity definer\b/.test(head!),
  }));
}

function difference(shipped: InstalledFunction, installed: InstalledFunction[]): string | null {
  const named = installed.filter(({name}) => name === shipped.name);
  if (named.length === 0) return 'is missing';
  const same = named.find(({body}) => normal(body) === normal(shipped.body));
  if (same === undefined) return 'was changed by hand: it has another body than the one that was installed';
  if (same.definer !== shipped.definer) return `was changed by hand: security ${same.definer ? 'definer' : 'invoker'}`;
  return null;
}

/**
 * @param shipped what was installed
 * @param installed what is there
 * @param target where
 * @param repair whether --fix can put it back
 * @returns the functions that differ
 */
export function judgeFunctions(
  shipped: InstalledFunction[],
  installed: InstalledFunction[],
  target: Target,
  repair: Repair | null,
): Finding[] {
  const differing = shipped.flatMap((fn) => {
    const how = difference(fn, installed);
    return how === null ? [] : [{name: fn.name, how, missing: how === 'is missing'}];
  });
  if (differing.length === 0) return [passed('database', 'functions', `${shipped.length} as in this package`)];
  return differing.map(({name, how, missing}) =>
    found('database', missing ? 'error' : 'warning', `function ${name}`, {
      detail: `supasession.${name} ${how}.`,
      fix: [commandOn(target, repair === null ? 'upgrade' : 'doctor --fix')],
      repair,
    }),
  );
}
