import chalk from 'chalk';

import {AREAS, summarize, type Area, type Finding, type Repair, type Severity} from './finding.js';
import type {RepairStep} from './repair.js';
import {table} from '../../cli/table.js';
import {count} from '../../cli/text.js';

const TITLES: Record<Area, string> = {
  project: 'Project',
  migrations: 'Migrations',
  database: 'Database',
  cli: 'Versions',
};

const WORDS: Record<Severity, string> = {
  error: chalk.red('error  '),
  warning: chalk.yellow('warning'),
  info: chalk.cyan('note   '),
};

/** Width of the severity, with the spaces before and after it. */
const MARGIN = 11;

/** Wraps the finding, but not the fix: a command must stay in one piece to be copied. */
function findingText({check, ok, severity, detail, fix}: Finding, width: number): string {
  const word = ok ? chalk.green('ok     ') : WORDS[severity];
  const said = detail === null ? '' : `${chalk.dim(':')} ${detail}`;
  return [
    table([], [[word, `${ok ? check : chalk.bold(check)}${said}`]], {widths: [7, Math.max(width - MARGIN, 20)]}),
    ...(fix?.split('\n').map((line) => `${' '.repeat(MARGIN)}${chalk.cyan('→')} ${line}`) ?? []),
  ].join('\n');
}

/** `all`: also show what is right; `width` of the screen, in characters. */
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
    'Reset pgrst.db_pre_request of role authenticator, and let PostgREST read its settings again: it then calls no function before requests.',
  installation:
    'Run the SQL of supasession again, in one transaction: this restores functions and triggers. Settings, rules, history and sessions stay.',
};

export function repairsText(steps: RepairStep[]): string {
  return [
    chalk.bold('Fixes'),
    ...steps.map(({repair, checks}) => `  ${REPAIRS[repair]}\n    ${chalk.dim(`for: ${checks.join(', ')}`)}`),
  ].join('\n');
}
