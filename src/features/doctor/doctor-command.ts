import {BaseCommand} from '../../cli/base-command.js';
import type {Use} from '../../cli/consent.js';
import type {Connection} from '../../database/connection.js';
import {SupasessionError} from '../../errors.js';
import type {Target} from '../../types.js';
import {makeRepair, type RepairStep} from './repair.js';

/** The steps of `doctor`. */
export abstract class DoctorCommand extends BaseCommand {
  /** A database that cannot be reached is one of the findings. */
  protected async tryOpen(target: Target, use: Use): Promise<Connection | SupasessionError> {
    try {
      return await this.open(target, use);
    } catch (error) {
      const stops = ['INTERRUPTED', 'OTHER_PROJECT'];
      if (error instanceof SupasessionError && !stops.includes(error.code)) return error;
      throw error;
    }
  }

  /** @returns the steps, done; if one fails, its error names those before it */
  protected async repair(connection: Connection, steps: RepairStep[]): Promise<RepairStep[]> {
    const fixed: RepairStep[] = [];
    try {
      for (const step of steps) {
        await this.finishingOnInterrupt(async () => makeRepair(connection, step));
        fixed.push(step);
      }
    } catch (error) {
      if (fixed.length === 0) throw error;
      throw this.stoppedAfter(error, {fixed});
    }

    return fixed;
  }
}
