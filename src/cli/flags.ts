import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import type {TargetFlags} from '../database/target.js';
import {SupasessionError} from '../errors.js';

/** The target of a command; at most one (the base command checks, because oclif's own message would repeat a URL and its password). */
export const targetFlags = {
  local: Flags.boolean({
    summary: "The project's local database (the default).",
    helpGroup: 'TARGET',
  }),
  stack: Flags.string({
    summary: 'The local stack of this name ([experimental] stack = true).',
    helpGroup: 'TARGET',
    helpValue: '<name>',
  }),
  linked: Flags.boolean({
    default: false,
    summary:
      'The linked project (another: --remote=<ref>). Password: SUPABASE_DB_PASSWORD, else a login role, else it asks.',
    helpGroup: 'TARGET',
  }),
  'db-url': Flags.string({
    summary: 'Any database. Password: PGPASSWORD, passfile, else it asks.',
    helpGroup: 'TARGET',
    helpValue: '<url>',
  }),
  // Written by `rewriteRemote` for --remote=<ref>.
  'project-ref': Flags.string({hidden: true}),
};

/** `targetFlags` as they are parsed; a command may have fewer. */
export interface ParsedTarget {
  local?: boolean;
  stack?: string | undefined;
  linked?: boolean;
  'db-url'?: string | undefined;
  'project-ref'?: string | undefined;
}

/** @throws SupasessionError USAGE if two targets are named */
export function oneTarget(flags: ParsedTarget): TargetFlags {
  const {local, stack, linked, 'db-url': dbUrl, 'project-ref': projectRef} = flags;
  const named = [
    ...(local ? ['--local'] : []),
    ...(stack === undefined || local ? [] : ['--stack']),
    ...(linked ? ['--linked'] : []),
    ...(dbUrl === undefined ? [] : ['--db-url']),
    ...(projectRef === undefined ? [] : ['--remote=<ref>']),
  ];
  if (named.length <= 1) return {local, stack, linked, dbUrl, projectRef};
  throw new SupasessionError('USAGE', `Two targets are named: ${named.join(' and ')}.`, {
    suggestions: ['Name one of them'],
  });
}

export const yesFlag = Flags.boolean({
  char: 'y',
  summary: 'Accept the defaults. To end sessions, see --confirm.',
});

export const confirmFlag = Flags.string({
  summary: 'Confirm that sessions end on this project or host.',
  helpValue: '<ref|host>',
});

export const dryRunFlag = Flags.boolean({default: false, summary: 'Show what would happen and change nothing.'});

export const userArg = Args.string({description: 'Email address or id of the user.', required: true});

export const saveFlag = Flags.boolean({
  default: false,
  summary: 'Also save it as a migration, so that db reset and db push apply it.',
});

export function batchSizeFlag(summary: string, size: number) {
  return Flags.integer({
    summary,
    default: size,
    min: 1,
    max: 100_000,
    helpValue: '<n>',
  });
}

export const confirmChangeFlag = Flags.string({
  summary: 'Confirm the change of this project or host.',
  helpValue: '<ref|host>',
});

export const includePendingFlag = Flags.boolean({
  default: false,
  summary: "Apply the project's other pending migrations in the same run.",
});

/** The flags of a command whose work is a migration. */
export const stepFlags = {
  ...targetFlags,
  apply: Flags.boolean({allowNo: true, summary: 'Apply the migration to the target with the supabase CLI.'}),
  'include-pending': includePendingFlag,
  'dry-run': dryRunFlag,
  confirm: confirmChangeFlag,
  yes: yesFlag,
};

/** The flags of a command that changes how Auth or the Data API is configured. */
export const integrationFlags = {
  'config-toml': Flags.boolean({
    allowNo: true,
    summary: 'For a hosted project: also change config.toml, which "supabase config push" sends.',
  }),
  confirm: confirmChangeFlag,
};

/**
 * Rewrites the supabase CLI's newer way to name a target: oclif has no flags with an optional value.
 * `--remote` is --linked, `--remote=<url>` is --db-url, `--remote=<ref>` is that project.
 * What follows `--` is left alone.
 */
export function rewriteRemote(argv: string[]): string[] {
  const end = argv.indexOf('--');
  return argv.flatMap((argument, index) => {
    if (end !== -1 && index > end) return [argument];
    if (argument === '--remote') return ['--linked'];
    if (!argument.startsWith('--remote=')) return [argument];
    const value = argument.slice('--remote='.length);
    return [/^postgres(ql)?:\/\//.test(value) ? '--db-url' : '--project-ref', value];
  });
}

/** What a manifest and a command's own flags have in common. */
export type KnownFlags = Record<string, {hidden?: boolean | undefined; allowNo?: boolean | undefined}>;

/** @returns the flags of a command that can be typed, with their dashes: those that are not hidden, --help, and what `rewriteRemote` knows */
export function flagNames(flags: KnownFlags): string[] {
  const declared = Object.entries(flags).filter(([, {hidden}]) => !hidden);
  return [
    ...declared.flatMap(([name, {allowNo}]) => [`--${name}`, ...(allowNo ? [`--no-${name}`] : [])]),
    ...('project-ref' in flags ? ['--remote'] : []),
    '--help',
  ];
}
