import {EXIT_CODES_HELP} from '../cli/base-command.js';
import {planUpgrade, requireUpgraded, writeInit, type InitMigration} from '../features/install/init.js';
import {stepFlags} from '../cli/flags.js';
import {StepCommand} from '../features/install/step-command.js';
import {targetJson, type TargetJson} from '../types.js';
import {declaredText} from '../features/install/declared-text.js';
import {upgradeText} from '../features/install/text.js';

export interface UpgradeResult {
  target: TargetJson;
  /** The release in the target before; its checksum is null if the SQL was run by hand. */
  before: {version: string | null; checksum: string | null};
  migration: InitMigration;
  /** Whether the target has this release now. */
  applied: boolean;
  dryRun: boolean;
}

export default class Upgrade extends StepCommand {
  static override summary = 'Upgrade project and database to the release of this package.';
  static override description = `Writes a new migration if the newest one of supasession is from an older release, and applies it. Settings, rules, history and sessions stay, and the limit holds throughout.
${EXIT_CODES_HELP}`;

  static override examples = [
    {description: 'After updating the package.', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'See what the linked project has, and what would be written.',
      command: '<%= config.bin %> <%= command.id %> --linked --dry-run',
    },
  ];

  static override flags = stepFlags;

  async run(): Promise<UpgradeResult> {
    const {flags} = await this.parse(Upgrade);
    const project = await this.project();
    const target = await this.target(flags);
    const connection = await this.open(target, flags);
    const {plan, before, needed} = await planUpgrade(project, connection);
    this.log(upgradeText(plan, before));

    const {version, checksum} = plan.shipped;
    let migration: InitMigration = {file: '', version, checksum, written: false, declared: []};
    let applied = !needed;
    if (needed) {
      const write = async (dryRun: boolean) => {
        ({migration} = await writeInit(project, plan, {}, {env: process.env, dryRun}));
        return migration;
      };
      ({applied} = await this.runFiles({project, connection, writers: [write], flags, ask: this.asker(flags)}));
      if (applied) await requireUpgraded(connection, migration);
      if (flags['dry-run']) this.note('Dry run: nothing was changed.');
    } else {
      // The declarative schema may lag behind the migrations.
      ({migration} = await writeInit(project, plan, {}, {env: process.env, dryRun: flags['dry-run']}));
      const declared = declaredText(migration.declared, flags['dry-run']);
      if (declared !== null) this.note(declared);
    }

    return {target: targetJson(target), before, migration, applied, dryRun: flags['dry-run']};
  }
}
