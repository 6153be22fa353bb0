import type {Installed} from '../install/installed.js';
import {nextVersion, type Migration} from '../../supabase/migrations.js';
import {DEFAULT_SETTINGS, type SettingName, type Settings, type Target} from '../../types.js';
import {
  compareReleases,
  settingsIn,
  type MigrationState,
  type OwnMigration,
  type ShippedSql,
} from '../install/migration.js';
import {applyCommand} from '../install/pending-text.js';
import {commandOn} from '../../database/target.js';
import {found, passed, type Finding} from './finding.js';

/** What a target knows of migrations. */
export interface MigrationsThere {
  /** Versions in its migration history. */
  applied: string[];
  installed: Installed;
  /** The settings in force; null if supasession is not installed, or their row is gone. */
  settings: Settings | null;
}

const FOLDER = 'supabase/migrations';

function files(list: string[]): string {
  return list.map((file) => `${FOLDER}/${file}`).join(', ');
}

/** Makes the supabase CLI apply files again that its history lists as applied. */
function repairHistory(target: Target, migrations: OwnMigration[]): string {
  const there = {
    local: ' --local',
    linked: target.named ? ` --remote=${target.projectRef!}` : ' --linked',
    url: ' --db-url <url>',
  }[target.kind];
  return `{supabase} migration repair --status reverted ${migrations.map(({version}) => version).join(' ')}${there}`;
}

/** For files that do not install supasession, or uninstall it again. */
function absent({own}: MigrationState, installed: Installed | null, target: Target): Finding {
  const check = 'migration of supasession';
  const removal = own.at(-1);
  if (removal !== undefined) {
    const there = installed?.version != null;
    return found('migrations', there ? 'warning' : 'info', check, {
      detail: `${removal.file} uninstalls supasession${there ? ', but the database still has it' : ''}.`,
      fix: there ? [applyCommand(target)] : [],
    });
  }

  return installed?.version != null
    ? found('migrations', 'warning', check, {
        detail:
          'The database has supasession, but the project has no migration for it: "db reset" removes it, and "db pull" copies its SQL into a migration of the project.',
        fix: [commandOn(target, 'init')],
      })
    : found('migrations', 'error', check, {
        detail: `No migration in ${FOLDER} installs supasession.`,
        fix: [commandOn(target, 'init')],
      });
}

function release({release: has, checksum, file}: OwnMigration, shipped: ShippedSql, target: Target): Finding {
  const check = 'newest release';
  if (checksum === shipped.checksum) return passed('migrations', check, `${file}: ${shipped.version}`);
  const order = has === null ? 0 : compareReleases(has, shipped.version);
  if (order > 0) {
    return found('migrations', 'error', check, {
      detail: `${file} installs supasession ${has}, which is newer than this package (${shipped.version}).`,
      fix: ['npm install --save-dev supasession@latest'],
    });
  }

  return found('migrations', 'warning', check, {
    detail:
      order < 0
        ? `${file} installs supasession ${has}; this package has ${shipped.version}.`
        : `${file} installs supasession ${shipped.version} with other SQL than this package.`,
    fix: [commandOn(target, 'upgrade')],
  });
}

function edited(active: OwnMigration[]): Finding {
  const list = active.filter((migration) => migration.edited).map(({file}) => file);
  if (list.length === 0) return passed('migrations', 'unedited files');
  return found('migrations', 'warning', 'unedited files', {
    detail: `Edited after supasession wrote them: ${files(list)}.`,
    fix: [`git checkout -- ${list.map((file) => `${FOLDER}/${file}`).join(' ')}`],
  });
}

function future(all: Migration[], now: Date): Finding {
  const list = nextVersion(all, now).future;
  if (list.length === 0) return passed('migrations', 'dates');
  return found('migrations', 'warning', 'dates', {
    detail: `Dated in the future: ${files(list)}. A migration written today sorts before them, and the supabase CLI refuses to apply it.`,
    fix: ['Rename those that are not applied anywhere: start the name with the time at which they were written'],
  });
}

function applied(active: OwnMigration[], {applied: history, installed}: MigrationsThere, target: Target): Finding {
  const pending = active.filter(({version}) => !history.includes(version));
  if (pending.length === 0) return passed('migrations', 'applied');
  const first = pending.some(({kind}) => kind === 'installation');
  return found('migrations', first && installed.version === null ? 'error' : 'warning', 'applied', {
    detail: `Not applied: ${files(pending.map(({file}) => file))}.`,
    fix: [first ? commandOn(target, 'init --apply') : applyCommand(target)],
  });
}

function asApplied(active: OwnMigration[], {applied: history, installed}: MigrationsThere, target: Target): Finding[] {
  const check = 'database matches its history';
  const newest = active.findLast(({kind, version}) => kind === 'installation' && history.includes(version));
  if (newest === undefined) return [];
  if (installed.version !== null && installed.checksum === newest.checksum) return [passed('migrations', check)];
  // Migrations of supasession may run twice.
  const again = active.filter(({version}) => version >= newest.version && history.includes(version));
  if (installed.version === null) {
    return [
      found('migrations', 'error', check, {
        detail: `${newest.file} was applied, but the database ${installed.schema ? 'has no record of it' : 'does not have supasession'}.`,
        fix: [repairHistory(target, again), commandOn(target, 'init --apply')],
      }),
    ];
  }

  const newer = newest.release !== null && compareReleases(installed.version, newest.release) > 0;
  return [
    found('migrations', 'warning', check, {
      detail: `${newest.file} (${newest.release ?? 'release unknown'}) was applied, but the database has supasession ${installed.version}${installed.checksum === null ? ', run by hand' : ' from other SQL'}.`,
      fix: newer ? [commandOn(target, 'upgrade')] : [repairHistory(target, again), commandOn(target, 'init --apply')],
    }),
  ];
}

/** Statements of a project's own migration that change supasession. */
const MEDDLING = [
  /\bdrop\s+schema\s+(?:if\s+exists\s+)?[^;]*\bsupasession\b[^;]*/i,
  /\b(?:create(?:\s+or\s+replace)?|alter|drop)\s+(?:function|table|type|index|view|procedure|routine)\s+(?:if\s+(?:not\s+)?exists\s+)?"?supasession"?\s*\.[^;]*/i,
  /\b(?:create|alter|drop|disable|enable)\s[^;]*\bsupasession_(?:interceptor|refresh)\b[^;]*/i,
  /\bdrop\s+policy\s+(?:if\s+exists\s+)?"?supasession_access[^;]*/i,
];
const DROPS = /\bdrop\s+(?:function|policy|schema|table|trigger|type)\s[^;]*\bsupasession(?:\b|_)/gi;

/** A migration of the project's own, dated after those of supasession. */
export interface LaterMigration {
  file: string;
  text: string;
  /** Not applied to the target yet; false if the target was not reached. */
  pending: boolean;
}

/** The first statement that changes supasession, and how many objects all of them drop. */
function meddling({file, text, pending}: LaterMigration): Array<{file: string; statement: string; drops: number}> {
  const sql = text.replaceAll(/--.*$|\/\*[\s\S]*?\*\//gm, '');
  const statement = MEDDLING.map((pattern) => pattern.exec(sql)?.[0])
    .find((match) => match !== undefined)
    ?.replaceAll(/\s+/g, ' ')
    .trim();
  if (statement === undefined) return [];
  const shown = statement.length > 80 ? `${statement.slice(0, 79)}…` : statement;
  return [{file, statement: shown, drops: pending ? (sql.match(DROPS)?.length ?? 0) : 0}];
}

/** `declares`: files of the project declare its schema; the supabase CLI writes such migrations from them. */
export function judgeLater(later: LaterMigration[], declares: boolean, target: Target): Finding[] {
  const check = "the project's later migrations";
  const hits = later.flatMap(meddling);
  if (hits.length === 0) return [passed('migrations', check)];
  return hits.map(({file, statement, drops}) => {
    const path = `${FOLDER}/${file}`;
    if (drops === 0) {
      return found('migrations', 'warning', check, {
        detail: `${path} changes supasession: ${statement}`,
        fix: [`Remove that from ${path}`],
      });
    }

    const objects = drops === 1 ? 'an object' : `${drops} objects`;
    return found('migrations', 'error', check, {
      detail: `${path} is not applied yet and drops ${objects} of supasession: ${statement}`,
      fix: declares
        ? [`Delete ${path}`, commandOn(target, 'init'), '{supabase} db schema declarative sync']
        : [`Remove that from ${path}`],
    });
  });
}

/** Settings in force that a "db reset" would change. */
function saved(active: OwnMigration[], {applied: history, settings}: MigrationsThere, target: Target): Finding[] {
  if (settings === null) return [];
  const check = 'settings as saved';
  const contradicted = (files: Partial<Settings>) =>
    (Object.keys(files) as SettingName[]).filter((name) => settings[name] !== files[name]);
  const all = settingsIn(active);
  // A pending file may hold settings saved from here, or settings about to be applied here.
  const files =
    contradicted(all).length === 0 ? all : settingsIn(active.filter(({version}) => history.includes(version)));
  const fix = [commandOn(target, 'config --save')];
  const differing = contradicted(files);
  if (differing.length > 0) {
    const list = differing.map(
      (name) => `${name} is ${String(files[name])} in the files and ${String(settings[name])} in the database`,
    );
    const detail = `${list.join('; ')}. "db reset" restores those of the files.`;
    return [found('migrations', 'warning', check, {detail, fix})];
  }

  const expected = {...DEFAULT_SETTINGS, ...files};
  const unsaved = (Object.keys(expected) as SettingName[]).filter((name) => settings[name] !== expected[name]);
  if (unsaved.length === 0) return [passed('migrations', check)];
  const list = unsaved.map((name) => `${name} (${String(settings[name])})`);
  return [
    found('migrations', 'info', check, {
      detail: `No migration sets ${list.join(', ')}: "db reset" restores the default.`,
      fix,
    }),
  ];
}

export interface MigrationsSeen {
  state: MigrationState;
  shipped: ShippedSql;
  /** Null if the database was not reached. */
  there: MigrationsThere | null;
  target: Target;
  now: Date;
}

/** @throws SupasessionError MIGRATIONS_UNREADABLE if no date is left for a new migration after them */
export function judgeMigrations({state, shipped, there, target, now}: MigrationsSeen): Finding[] {
  const {active, all} = state;
  const newest = active.findLast(({kind}) => kind === 'installation');
  if (newest === undefined) return [absent(state, there?.installed ?? null, target), future(all, now)];
  return [
    passed('migrations', 'migration of supasession', newest.file),
    release(newest, shipped, target),
    edited(active),
    ...(there === null
      ? []
      : [applied(active, there, target), ...asApplied(active, there, target), ...saved(active, there, target)]),
    future(all, now),
  ];
}
