import {commandOn} from '../../database/target.js';
import type {Target} from '../../types.js';
import type {DeclaredFile, DeclaredPlan} from '../install/declared.js';
import {found, passed, type Finding} from './finding.js';

const CHECK = 'declared schema';

const DROPS = '"supabase db schema declarative sync" writes a migration that drops';

function judgeFile({kind, shown, state}: DeclaredFile, fix: string[]): Finding[] {
  const what = kind === 'installation' ? 'supasession' : 'the policies of "protect"';
  switch (state) {
    case 'current': {
      return [];
    }

    case 'missing': {
      return [found('migrations', 'error', CHECK, {detail: `${shown} is missing: ${DROPS} ${what}.`, fix})];
    }

    case 'older': {
      return [
        found('migrations', 'warning', CHECK, {
          detail: `${shown} does not say what the migrations say: "supabase db schema declarative sync" undoes the difference.`,
          fix,
        }),
      ];
    }

    case 'edited': {
      return [
        found('migrations', 'warning', CHECK, {
          detail: `${shown} was edited: "supabase db schema declarative sync" makes a migration of the edit.`,
          fix,
        }),
      ];
    }

    case 'superfluous': {
      return [
        found('migrations', 'warning', CHECK, {
          detail: `${shown} declares ${what}, and no other file or migration does: "supabase db schema declarative sync" brings it back.`,
          fix: [`Delete ${shown}`],
        }),
      ];
    }
  }
}

/** @returns what is missing, old, edited or twice in the files that declare the schema; nothing where none do */
export function judgeDeclared(plan: DeclaredPlan | null, target: Target): Finding[] {
  if (plan === null) return [];
  const {files, exported, left, tree} = plan;
  const fix = [commandOn(target, 'init')];
  const first = exported[0]?.file.shown;
  const others = exported.length > 1 ? ` and ${exported.length - 1} more` : '';
  const declaredToo = files.some(({kind, state}) => kind === 'installation' && state !== 'missing');
  const duplicates =
    first === undefined
      ? []
      : [
          found('migrations', 'warning', CHECK, {
            detail: `${first}${others}, written by "supabase db schema declarative generate", hold supasession: ${declaredToo ? 'beside the declared file "supabase db schema declarative sync" fails' : 'an upgrade would leave them behind'}.`,
            fix,
          }),
        ];
  // Exported objects stand for a file that is missing.
  const judged = files
    .filter(({state}) => state !== 'missing' || exported.length === 0)
    .flatMap((file) => judgeFile(file, fix));
  const unread = files
    .filter(({path, wanted}) => wanted !== null && !tree.covers(path))
    .map(({shown}) =>
      found('migrations', 'warning', CHECK, {
        detail: `schema_paths in [db.migrations] leaves ${shown} out: "supabase db diff" drops what it declares.`,
        fix: [`Add "./${shown.replace(/^supabase\//, '')}" to schema_paths`],
      }),
    );
  const stale = left.map(({shown}) =>
    found('migrations', 'warning', CHECK, {
      detail: `${shown} uses supasession, which the migrations take out: "supabase db schema declarative sync" fails.`,
      fix: [`Take that out of ${shown}`],
    }),
  );
  const findings = [...duplicates, ...judged, ...unread, ...stale];
  const declared = files.filter(({wanted}) => wanted !== null).map(({shown}) => shown);
  if (findings.length > 0 || declared.length === 0) return findings;
  return [passed('migrations', CHECK, declared.join(', '))];
}
