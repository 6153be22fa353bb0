import chalk from 'chalk';

import type {ApiPlan} from './api.js';
import {commandOn} from '../../database/target.js';
import {OUR_SCHEMA, type ChangedPart} from './source.js';
import type {Reachable} from './queries.js';
import type {Target} from '../../types.js';
import {table} from '../../cli/table.js';
import {fileName, line, localToo, RESTART} from './text.js';

const ROLES = ['anon', 'authenticated', 'service_role'];

function reachableTable(title: string, rows: Reachable[]): string {
  return table(
    [title, ...ROLES],
    rows.map(({name, roles}) => [name, ...ROLES.map((role) => (roles.includes(role) ? 'yes' : '-'))]),
  );
}

export function apiText({wanted, functions, tables, edit, send}: ApiPlan, target: Target): string {
  const where = [
    ...(send === null ? [] : [`the exposed schemas of project ${target.projectRef}`]),
    ...(edit === null ? [] : [fileName(edit)]),
  ];
  const changes = where.length === 0 ? [] : [line('Changes', where.join(', then '))];
  if (wanted === 'disabled') {
    return [line('Data API', 'no longer offers anything of supasession'), ...changes].join('\n');
  }

  return [
    reachableTable('Can be called over the Data API', functions),
    '',
    ...(tables.length === 0 ? [] : [reachableTable('Can be read', tables), '']),
    line('Others', 'not exposed; signed-in users see only their own sessions'),
    ...changes,
  ].join('\n');
}

export function apiAlready({wanted}: ApiPlan): string {
  return `Nothing to do: the Data API ${wanted === 'enabled' ? 'exposes' : 'does not expose'} the schema ${OUR_SCHEMA}.`;
}

export function apiInstructions({wanted, byHand}: ApiPlan, target: Target): string {
  const head = chalk.yellow('Not verified.');
  if (target.kind === 'local')
    return `${head} supasession does not edit this file. Change it yourself:\n${byHand ?? ''}`;
  const change = wanted === 'enabled' ? `add ${OUR_SCHEMA}` : `remove ${OUR_SCHEMA}`;
  if (target.projectRef !== null) {
    const file = byHand === null ? '' : `\nAlso change this file, because "supabase config push" sends it:\n${byHand}`;
    return `${head} There is no access token ({supabase} login, or SUPABASE_ACCESS_TOKEN). Set this yourself:\n  Project Settings > Data API, https://supabase.com/dashboard/project/${target.projectRef}/settings/api\n  Exposed schemas: ${change}${file}`;
  }

  const example = wanted === 'enabled' ? `\n  PGRST_DB_SCHEMAS=public,graphql_public,${OUR_SCHEMA}` : '';
  return `${head} In PGRST_DB_SCHEMAS of PostgREST, ${change} and keep the other schemas. Then restart PostgREST.${example}`;
}

export function apiUnverified(): string {
  return `${chalk.yellow('Not verified:')} config.toml was updated, but an environment variable may override it: SUPABASE_API_SCHEMAS`;
}

export function apiDone({wanted, where, edit}: ApiPlan, target: Target, changed: ChangedPart[]): string {
  const lines: string[] = [];
  if (changed.length > 0) {
    lines.push(
      wanted === 'enabled'
        ? `${chalk.green('Exposed.')} Undo: ${commandOn(target, 'api:disable')}`
        : `${chalk.yellow('No longer exposed.')} Undo: ${commandOn(target, 'api:enable')}`,
    );
  }

  if (target.kind === 'local' && (changed.length > 0 || where === 'instructions')) {
    lines.push(`Next: ${RESTART}   (PostgREST reads config.toml when it starts)`);
    if (wanted === 'disabled') lines.push('Only after that: {bin} uninstall');
  }

  if (wanted === 'enabled' && target.kind !== 'local' && changed.includes('config.toml')) lines.push(localToo());
  if (wanted === 'enabled') lines.push(`In the app: supabase.schema('${OUR_SCHEMA}').rpc('my_sessions')`);
  if (target.projectRef !== null && edit !== null && !changed.includes('config.toml')) {
    lines.push(`${fileName(edit)} was not changed: "supabase config push" would undo this.`);
  }

  return lines.join('\n');
}
