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
import {commandOn} from '../../database/target.js';
import {found, passed, type Finding} from './finding.js';

/** What a target says of migrations. */
export interface MigrationsThere {
  /** The versions in its history. */
  applied: string[];
  installed: Installed;
  /** The settings in force; null where our SQL is not there, or their row is gone. */
  settings: Settings | null;
}

const FOLDER = 'supabase/migrations';

function files(list: string[]): string {
  return list.map((file) => `${FOLDER}/${file}`).join(', ');
}

/** What makes the supabase CLI apply files that its history says it has applied. */
function repairHistory(target: Target, migrations: OwnMigration[]): string {
  const there = {local: ' --local', linked: ' --linked', url: ' --db-url <url>'}[target.kind];
  return `supabase migration repair --status reverted ${migrations.map(({version}) => version).join(' ')}${there}`;
}

/** What applies files that are pending, all of them. */
function applyPending(target: Target): string {
  return {
    local: 'supabase migration up',
    linked: 'supabase db push',
    url: 'supabase db push --db-url <url>',
  }[target.kind];
}

/** Nothing of ours in the files: never there, or taken out again. */
function absent({own}: MigrationState, installed: Installed | null, target: Target): Finding {
  const check = 'our migration';
  const removal = own.at(-1);
  if (removal !== undefined) {
    const there = installed?.version != null;
    return found('migrations', there ? 'warning' : 'info', check, {
      detail: `${removal.file} takes supasession out${there ? ', and the database has it still' : ''}.`,
      fix: there ? [applyPending(target)] : [],
    });
  }

  return installed?.version != null
    ? found('migrations', 'warning', check, {
        detail:
          'The database has supasession and the project has no migration for it: "db reset" loses it, and "db pull" writes it into a migration of the project\'s own.',
        fix: [commandOn(target, 'init')],
      })
    : found('migrations', 'error', check, {
        detail: `Nothing in ${FOLDER} installs supasession.`,
        fix: [commandOn(target, 'init')],
      });
}

function release({release: has, checksum, file}: OwnMigration, shipped: ShippedSql, target: Target): Finding {
  const check = 'newest release';
  if (checksum === shipped.checksum) return passed('migrations', check, `${file}: ${shipped.version}`);
  const order = has === null ? 0 : compareReleases(has, shipped.version);
  if (order > 0) {
    return found('migrations', 'error', check, {
      detail: `${file} holds supasession ${has}, newer than this program (${shipped.version}).`,
      fix: ['npm install --save-dev supasession@latest'],
    });
  }

  return found('migrations', 'warning', check, {
    detail:
      order < 0
        ? `${file} holds supasession ${has}; this program brings ${shipped.version}.`
        : `${file} holds other SQL of supasession ${shipped.version} than this program brings.`,
    fix: [commandOn(target, 'upgrade')],
  });
}

function edited(active: OwnMigration[]): Finding {
  const list = active.filter((migration) => migration.edited).map(({file}) => file);
  if (list.length === 0) return passed('migrations', 'files as they were written');
  return found('migrations', 'warning', 'files as they were written', {
    detail: `Edited since: ${files(list)}.`,
    fix: [`git checkout -- ${list.map((file) => `${FOLDER}/${file}`).join(' ')}`],
  });
}

function future(all: Migration[], now: Date): Finding {
  const list = nextVersion(all, now).future;
  if (list.length === 0) return passed('migrations', 'dates');
  return found('migrations', 'warning', 'dates', {
    detail: `Dated in the future: ${files(list)}. What is written today comes before, and the supabase CLI refuses to apply it.`,
    fix: ['Rename what is not applied anywhere to the time at which it was written'],
  });
}

function applied(active: OwnMigration[], {applied: history, installed}: MigrationsThere, target: Target): Finding {
  const pending = active.filter(({version}) => !history.includes(version));
  if (pending.length === 0) return passed('migrations', 'applied');
  const first = pending.some(({kind}) => kind === 'installation');
  return found('migrations', first && installed.version === null ? 'error' : 'warning', 'applied', {
    detail: `Not applied there: ${files(pending.map(({file}) => file))}.`,
    fix: [first ? commandOn(target, 'init --apply') : applyPending(target)],
  });
}

/** Whether the database has what its history says. */
function asApplied(active: OwnMigration[], {applied: history, installed}: MigrationsThere, target: Target): Finding[] {
  const check = 'database as the history says';
  const newest = active.findLast(({kind, version}) => kind === 'installation' && history.includes(version));
  if (newest === undefined) return [];
  if (installed.version !== null && installed.checksum === newest.checksum) return [passed('migrations', check)];
  // Files of ours run a second time do no harm.
  const again = active.filter(({version}) => version >= newest.version && history.includes(version));
  if (installed.version === null) {
    return [
      found('migrations', 'error', check, {
        detail: `${newest.file} was applied, and the database ${installed.schema ? 'has no record of it' : 'has no supasession'}.`,
        fix: [repairHistory(target, again), commandOn(target, 'init --apply')],
      }),
    ];
  }

  const newer = newest.release !== null && compareReleases(installed.version, newest.release) > 0;
  return [
    found('migrations', 'warning', check, {
      detail: `${newest.file} (${newest.release ?? 'release unknown'}) was applied, and the database has supasession ${installed.version}${installed.checksum === null ? ', run by hand' : ' from other SQL'}.`,
      fix: newer ? [commandOn(target, 'upgrade')] : [repairHistory(target, again), commandOn(target, 'init --apply')],
    }),
  ];
}

/** What a project's own migration does to ours, comments aside. */
const MEDDLING = [
  /\bdrop\s+schema\s+(?:if\s+exists\s+)?[^;]*\bsupasession\b[^;]*/i,
  /\b(?:create(?:\s+or\s+replace)?|alter|drop)\s+(?:function|table|type|index|view|procedure|routine)\s+(?:if\s+(?:not\s+)?exists\s+)?"?supasession"?\s*\.[^;]*/i,
  /\b(?:create|alter|drop|disable|enable)\s[^;]*\bsupasession_(?:interceptor|refresh)\b[^;]*/i,
  /\bdrop\s+policy\s+(?:if\s+exists\s+)?"?supasession_access[^;]*/i,
];
const DROPS = /\bdrop\s+(?:function|policy|schema|table|trigger|type)\s[^;]*\bsupasession(?:\b|_)/gi;

/** A migration of the project's own, dated after ours. */
export interface LaterMigration {
  file: string;
  text: string;
  /** Whether the target has not had it yet; false where the target was not reached. */
  pending: boolean;
}

/** What of supasession a migration changes, in its first words, and how much it drops. */
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

/**
 * @param later migrations of the project's own that run after our newest one
 * @param declares whether files of the project declare its schema, from which such migrations are made
 * @returns those that drop or redefine what is ours
 */
export function judgeLater(later: LaterMigration[], declares: boolean, target: Target): Finding[] {
  const check = "the project's later migrations";
  const hits = later.flatMap(meddling);
  if (hits.length === 0) return [passed('migrations', check)];
  return hits.map(({file, statement, drops}) => {
    const path = `${FOLDER}/${file}`;
    if (drops === 0) {
      return found('migrations', 'warning', check, {
        detail: `${path} changes what is ours: ${statement}`,
        fix: [`Take it out of ${path}`],
      });
    }

    const objects = drops === 1 ? 'something' : `${drops} objects`;
    return found('migrations', 'error', check, {
      detail: `${path} is not applied yet, and drops ${objects} of supasession: ${statement}`,
      fix: declares
        ? [`Delete ${path}`, commandOn(target, 'init'), 'supabase db schema declarative sync']
        : [`Take it out of ${path}`],
    });
  });
}

/** Settings that a "db reset" would bring back instead of those in force. */
function saved(active: OwnMigration[], {applied: history, settings}: MigrationsThere, target: Target): Finding[] {
  if (settings === null) return [];
  const check = 'settings as saved';
  const contradicted = (files: Partial<Settings>) =>
    (Object.keys(files) as SettingName[]).filter((name) => settings[name] !== files[name]);
  const all = settingsIn(active);
  // What is still to be applied may have been saved from here, or be about to change what is here.
  const files =
    contradicted(all).length === 0 ? all : settingsIn(active.filter(({version}) => history.includes(version)));
  const fix = [commandOn(target, 'config --save')];
  const differing = contradicted(files);
  if (differing.length > 0) {
    const list = differing.map(
      (name) => `${name} is ${String(files[name])} in the files and ${String(settings[name])} in the database`,
    );
    const detail = `${list.join('; ')}. "db reset" brings back the files'.`;
    return [found('migrations', 'warning', check, {detail, fix})];
  }

  const expected = {...DEFAULT_SETTINGS, ...files};
  const unsaved = (Object.keys(expected) as SettingName[]).filter((name) => settings[name] !== expected[name]);
  if (unsaved.length === 0) return [passed('migrations', check)];
  const list = unsaved.map((name) => `${name} (${String(settings[name])})`);
  return [
    found('migrations', 'info', check, {
      detail: `No migration holds ${list.join(', ')}: "db reset" brings back the default.`,
      fix,
    }),
  ];
}

/** What the migrations are judged from. */
export interface MigrationsSeen {
  state: MigrationState;
  shipped: ShippedSql;
  /** Null where the database was not reached. */
  there: MigrationsThere | null;
  target: Target;
  now: Date;
}

/**
 * @param seen the project's migrations, and what the target says of them
 * @returns what of ours is missing, old, edited or not applied
 * @throws SupasessionError MIGRATIONS_UNREADABLE where nothing can be dated after them
 */
export function judgeMigrations({state, shipped, there, target, now}: MigrationsSeen): Finding[] {
  const {active, all} = state;
  const newest = active.findLast(({kind}) => kind === 'installation');
  if (newest === undefined) return [absent(state, there?.installed ?? null, target), future(all, now)];
  return [
    passed('migrations', 'our migration', newest.file),
    release(newest, shipped, target),
    edited(active),
    ...(there === null
      ? []
      : [applied(active, there, target), ...asApplied(active, there, target), ...saved(active, there, target)]),
    future(all, now),
  ];
}
