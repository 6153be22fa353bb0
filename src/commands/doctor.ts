import * as Flags from '@oclif/core/flags';

import {EXIT_CODES_HELP} from '../cli/base-command.js';
import {DoctorCommand} from '../features/doctor/doctor-command.js';
import {findingJson, summarize, type FindingJson, type Summary} from '../features/doctor/finding.js';
import {diagnose} from '../features/doctor/doctor.js';
import {planRepairs, type RepairStep} from '../features/doctor/repair.js';
import {EXIT, SupasessionError} from '../errors.js';
import {targetFlags, yesFlag} from '../cli/flags.js';
import {allowEnding} from '../cli/consent.js';
import {targetJson, type TargetJson} from '../types.js';
import {findingsText, repairsText} from '../features/doctor/text.js';

export interface DoctorResult {
  target: TargetJson;
  findings: FindingJson[];
  summary: Summary;
  /** What --fix has done; the findings are from after that. */
  fixed: RepairStep[];
}

export default class Doctor extends DoctorCommand {
  static override summary = 'Check project, migrations and database, and say what to fix.';
  static override description = `Checks the project's configuration, the migrations of supasession, the database and the versions, and compares supasession's functions and triggers in the database with those of this package. It changes nothing without --fix.
--fix shows what it is going to do, then asks. It removes a pre-request setting whose function is gone, and runs supasession's SQL again if functions or triggers are missing or were changed. It never touches config.toml, migrations or settings.
Exits with 3 if it finds an error or a warning (notes do not count); with --fix, if one is left.
${EXIT_CODES_HELP}`;

  static override examples = [
    {description: 'Check the project and its local database.', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'Check the linked project, and show what is right, too.',
      command: '<%= config.bin %> <%= command.id %> --linked --all',
    },
    {
      description: 'After restoring a dump: fix what the dump leaves out.',
      command: '<%= config.bin %> <%= command.id %> --linked --fix',
    },
  ];

  static override flags = {
    ...targetFlags,
    fix: Flags.boolean({default: false, summary: 'Fix what is safe to fix, after showing it.'}),
    all: Flags.boolean({default: false, summary: 'Also show what is right.'}),
    confirm: Flags.string({summary: 'Confirm --fix on this project or host.', helpValue: '<ref|host>'}),
    yes: yesFlag,
  };

  async run(): Promise<DoctorResult> {
    const {flags} = await this.parse(Doctor);
    const target = await this.target(flags);
    const connection = await this.tryOpen(target, flags.fix ? flags : 'reads');
    const project = target.kind === 'local' ? await this.project() : await this.projectIfAny();
    const look = async () => diagnose({project, target, connection, env: process.env, node: process.versions.node});

    const view = {all: flags.all, width: this.view().width};
    let findings = await look();
    let fixed: RepairStep[] = [];
    const steps = flags.fix ? planRepairs(findings) : [];
    if (steps.length > 0 && !(connection instanceof SupasessionError)) {
      this.note(`${findingsText(findings, view)}\n\n${repairsText(steps)}`);
      await allowEnding(this.asker(flags), target, {message: 'Apply these fixes', given: flags.confirm});
      fixed = await this.repair(connection, steps);
      findings = await look();
      this.note('Done. What is left:');
    } else if (flags.fix) this.note('There is nothing that --fix can fix.');

    this.log(this.withProgram(findingsText(findings, view)));
    const summary = summarize(findings);
    if (summary.errors + summary.warnings > 0) process.exitCode = EXIT.found;
    return {
      target: targetJson(target),
      findings: findings.map((finding) => findingJson(finding, (fix) => this.withProgram(fix))),
      summary,
      fixed,
    };
  }
}
