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
          detail: `${shown} differs from the migrations: "supabase db schema declarative sync" writes a migration that undoes the difference.`,
          fix,
        }),
      ];
    }

    case 'edited': {
      return [
        found('migrations', 'warning', CHECK, {
          detail: `${shown} was edited: "supabase db schema declarative sync" writes a migration with the edit.`,
          fix,
        }),
      ];
    }

    case 'superfluous': {
      return [
        found('migrations', 'warning', CHECK, {
          detail: `${shown} declares ${what}, and no migration does: "supabase db schema declarative sync" writes a migration that creates it again.`,
          fix: [`Delete ${shown}`],
        }),
      ];
    }
  }
}

/** Null, and so no finding, for a project that does not declare its schema. */
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
            detail: `"supabase db schema declarative generate" exported supasession to ${first}${others}: ${declaredToo ? 'the declared file has it too, so "supabase db schema declarative sync" fails' : 'an upgrade would not update them'}.`,
            fix,
          }),
        ];
  // Exported objects replace a missing file.
  const judged = files
    .filter(({state}) => state !== 'missing' || exported.length === 0)
    .flatMap((file) => judgeFile(file, fix));
  const unread = files
    .filter(({path, wanted}) => wanted !== null && !tree.covers(path))
    .map(({shown}) =>
      found('migrations', 'warning', CHECK, {
        detail: `schema_paths in [db.migrations] does not include ${shown}: "supabase db diff" writes a migration that drops what it declares.`,
        fix: [`Add "./${shown.replace(/^supabase\//, '')}" to schema_paths`],
      }),
    );
  const stale = left.map(({shown}) =>
    found('migrations', 'warning', CHECK, {
      detail: `${shown} uses supasession, which the migrations remove: "supabase db schema declarative sync" fails.`,
      fix: [`Remove that from ${shown}`],
    }),
  );
  const findings = [...duplicates, ...judged, ...unread, ...stale];
  const declared = files.filter(({wanted}) => wanted !== null).map(({shown}) => shown);
  if (findings.length > 0 || declared.length === 0) return findings;
  return [passed('migrations', CHECK, declared.join(', '))];
}
