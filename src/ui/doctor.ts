import chalk from 'chalk';

import {AREAS, summarize, type Area, type Finding, type Repair, type Severity} from '../core/doctor/finding.js';
import type {RepairStep} from '../core/doctor/repair.js';
import {count} from './text.js';

const TITLES: Record<Area, string> = {
  project: 'Project',
  migrations: 'Migrations',
  database: 'Database',
  cli: 'Program and versions',
};

const WORDS: Record<Severity, string> = {
  error: chalk.red('error  '),
  warning: chalk.yellow('warning'),
  info: chalk.cyan('note   '),
};

function findingText({check, ok, severity, detail, fix}: Finding): string {
  const word = ok ? chalk.green('ok     ') : WORDS[severity];
  const said = detail === null ? '' : `${chalk.dim(':')} ${detail}`;
  return [
    `  ${word}  ${ok ? check : chalk.bold(check)}${said}`,
    ...(fix?.split('\n').map((line) => `           ${chalk.cyan('→')} ${line}`) ?? []),
  ].join('\n');
}

/** @returns what was found, area by area: what is not right, and with `all` also what is */
export function findingsText(findings: Finding[], all: boolean): string {
  const shown = findings.filter(({ok}) => all || !ok);
  return AREAS.flatMap((area) => {
    const own = shown.filter((finding) => finding.area === area);
    return own.length === 0 ? [] : [chalk.bold(TITLES[area]), ...own.map((finding) => findingText(finding)), ''];
  })
    .concat(summaryText(findings, all))
    .join('\n');
}

/** @returns how much was found */
function summaryText(findings: Finding[], all: boolean): string {
  const {passed, infos, warnings, errors} = summarize(findings);
  const wrong = [
    ...(errors > 0 ? [chalk.red(count(errors, 'error'))] : []),
    ...(warnings > 0 ? [chalk.yellow(count(warnings, 'warning'))] : []),
    ...(infos > 0 ? [count(infos, 'note')] : []),
  ];
  const good = `${count(passed, 'check')} passed${all ? '' : chalk.dim(' (--all shows them)')}`;
  return `${errors + warnings === 0 ? chalk.green(good) : good}${wrong.length === 0 ? '.' : `; ${wrong.join(', ')}.`}`;
}

const REPAIRS: Record<Repair, string> = {
  'pre-request':
    'Take pgrst.db_pre_request from role authenticator, and let PostgREST read its settings again: it calls no function before requests then.',
  installation:
    'Run the SQL of supasession once more, in one transaction: functions and triggers as they were installed. Settings, rules, history and sessions stay.',
};

/** @returns what --fix is going to do */
export function repairsText(steps: RepairStep[]): string {
  return [
    chalk.bold('To be done'),
    ...steps.map(({repair, checks}) => `  ${REPAIRS[repair]}\n    ${chalk.dim(`for: ${checks.join(', ')}`)}`),
  ].join('\n');
}
