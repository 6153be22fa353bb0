import {parseClient, ruleGiven, type RuleFlags} from './rules.js';
import {SETTINGS, choicesOf, parseClaims} from '../settings/index.js';
import {SupasessionError} from '../../errors.js';
import type {Asker} from '../../cli/asker.js';

/** Look at what is typed, and throw for what they do not understand. */
export interface RuleChecks {
  user: (text: string) => Promise<unknown>;
  deadline: (flag: string, text: string) => Promise<unknown>;
}

/** Takes a text as it was typed, once it has been understood. */
function typed(check: (text: string) => unknown): (text: string) => Promise<string> {
  return async (text) => {
    const trimmed = text.trim();
    if (trimmed === '') throw new SupasessionError('USAGE', 'Something has to stand here.');
    await check(trimmed);
    return trimmed;
  };
}

function splitClaims(text: string): string[] {
  return text.split(/[\s,]+/).filter((claim) => claim !== '');
}

async function askMatch(ask: Asker, checks: RuleChecks): Promise<Pick<RuleFlags, 'claim' | 'client' | 'user'>> {
  const match = await ask.choose({
    flag: '--claim, --user or --client',
    message: 'Whom is it for?',
    choices: [
      {value: 'claim', name: 'users by what their app_metadata says, such as plan=pro'},
      {value: 'user', name: 'one user'},
      {value: 'client', name: 'sessions of an OAuth client'},
    ],
    default: 'claim',
  });
  switch (match) {
    case 'claim': {
      const claims = await ask.text({
        flag: '--claim',
        message: 'What does app_metadata say (key=value, several with spaces between)?',
        read: typed((text) => parseClaims(splitClaims(text))),
      });
      return {claim: splitClaims(claims)};
    }

    case 'user': {
      return {
        user: await ask.text({flag: '--user', message: 'Email address or id of the user?', read: typed(checks.user)}),
      };
    }

    case 'client': {
      const client = await ask.text({
        flag: '--client',
        message: 'Id of the OAuth client?',
        read: typed(parseClient),
      });
      return {client};
    }
  }
}

async function askValues(ask: Asker, checks: RuleChecks): Promise<Partial<RuleFlags>> {
  const inherit = {value: 'inherit', name: 'as in the settings'} as const;
  const limit = await ask.choose({
    flag: '--max or --unlimited',
    message: 'How many sessions may they have?',
    choices: [{value: 'max', name: 'a number'}, {value: 'unlimited', name: 'as many as they like'}, inherit],
    default: 'max',
  });
  const max =
    limit === 'max'
      ? await ask.positiveInteger({flag: '--max <n>', message: 'How many sessions (devices)?', default: 1})
      : undefined;
  const strategy =
    limit === 'unlimited'
      ? 'inherit'
      : await ask.choose({
          flag: '--strategy <dequeue|reject>',
          message: 'What happens at a sign-in above that?',
          choices: [
            inherit,
            ...choicesOf(SETTINGS.strategy).map((value) => ({value, name: SETTINGS.strategy.words[value]})),
          ],
          default: 'inherit',
        });
  const deadline = await ask.choose({
    flag: '--timebox, --inactivity or --no-deadline',
    message: 'When do their sessions end by themselves?',
    choices: [
      inherit,
      {value: 'timebox', name: 'some time after the sign-in'},
      {value: 'inactivity', name: 'after some time without use'},
      {value: 'none', name: 'never'},
    ],
    default: 'inherit',
  });
  const span = async (flag: string) =>
    ask.text({
      flag,
      message: 'After how long (30m, 12h, 7d)?',
      read: typed(async (text) => checks.deadline(flag, text)),
    });
  return {
    max,
    unlimited: limit === 'unlimited',
    strategy: strategy === 'inherit' ? undefined : strategy,
    timebox: deadline === 'timebox' ? await span('--timebox') : undefined,
    inactivity: deadline === 'inactivity' ? await span('--inactivity') : undefined,
    'no-deadline': deadline === 'none',
  };
}

/**
 * Asks for what of a rule has not been given.
 * @param ask where answers come from; must be interactive
 * @param given its name and the flags
 * @param checks what an answer has to pass
 * @returns the rule as if it had been typed
 */
export async function askRule(
  ask: Asker,
  given: {name: string | undefined; flags: RuleFlags},
  checks: RuleChecks,
): Promise<{name: string; flags: RuleFlags}> {
  const {match, values} = ruleGiven(given.flags);
  const name = given.name ?? (await ask.text({flag: '<name>', message: 'Name of the rule?', read: typed(() => null)}));
  return {
    name,
    flags: {
      ...given.flags,
      ...(match ? {} : await askMatch(ask, checks)),
      ...(values ? {} : await askValues(ask, checks)),
    },
  };
}
