import chalk from 'chalk';

import {AREAS, summarize, type Area, type Finding, type Repair, type Severity} from './finding.js';
import type {RepairStep} from './repair.js';
import {table} from '../../cli/table.js';
import {count} from '../../cli/text.js';

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

/** Of the words, with what stands before and after them. */
const MARGIN = 11;

/** Only what is said is wrapped: what is to be typed has to be copied in one piece. */
function findingText({check, ok, severity, detail, fix}: Finding, width: number): string {
  const word = ok ? chalk.green('ok     ') : WORDS[severity];
  const said = detail === null ? '' : `${chalk.dim(':')} ${detail}`;
  return [
    table([], [[word, `${ok ? check : chalk.bold(check)}${said}`]], {widths: [7, Math.max(width - MARGIN, 20)]}),
    ...(fix?.split('\n').map((line) => `${' '.repeat(MARGIN)}${chalk.cyan('→')} ${line}`) ?? []),
  ].join('\n');
}

/**
 * @param findings what was found
 * @param view all: whether what is right is shown too; width: of the screen, in characters
 * @returns the findings, area by area, and how many there are
 */
export function findingsText(findings: Finding[], view: {all: boolean; width: number}): string {
  const shown = findings.filter(({ok}) => view.all || !ok);
  return AREAS.flatMap((area) => {
    const own = shown.filter((finding) => finding.area === area);
    return own.length === 0
      ? []
      : [chalk.bold(TITLES[area]), ...own.map((finding) => findingText(finding, view.width)), ''];
  })
    .concat(summaryText(findings, view.all))
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
