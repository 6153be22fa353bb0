import type {InstalledFunction} from './queries.js';
import type {Target} from '../../types.js';
import {commandOn} from '../../database/target.js';
import {found, passed, type Finding, type Repair} from './finding.js';

const FUNCTION = /^create or replace function supasession\.(\w+)\(([\s\S]*?)\bas \$\$([\s\S]*?)\$\$;/gm;

/** Editors change line ends. */
function normal(body: string): string {
  return body.replaceAll('\r\n', '\n');
}

/** The functions that the SQL creates; each name is used once. */
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
  if (same === undefined) return 'was changed by hand: its body differs from the installed release';
  if (same.definer !== shipped.definer) return `was changed by hand: security ${same.definer ? 'definer' : 'invoker'}`;
  return null;
}

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
  if (differing.length === 0) return [passed('database', 'functions', `${shipped.length}, as in this package`)];
  return differing.map(({name, how, missing}) =>
    found('database', missing ? 'error' : 'warning', `function ${name}`, {
      detail: `supasession.${name} ${how}.`,
      fix: [commandOn(target, repair === null ? 'upgrade' : 'doctor --fix')],
      repair,
    }),
  );
}
