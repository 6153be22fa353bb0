import type {Asker} from '../../cli/asker.js';
import type {Connection} from '../../database/connection.js';
import {SupasessionError} from '../../errors.js';
import {findUser} from '../sessions/index.js';
import {SETTINGS, choicesOf, parseClaims} from '../settings/index.js';
import {parseClient, parseDeadline, ruleGiven, type RuleFlags} from './rules.js';

/** Returns a text as it was typed, once it was understood. */
function typed(check: (text: string) => unknown): (text: string) => Promise<string> {
  return async (text) => {
    const trimmed = text.trim();
    if (trimmed === '') throw new SupasessionError('USAGE', 'An answer is required.');
    await check(trimmed);
    return trimmed;
  };
}

function splitClaims(text: string): string[] {
  return text.split(/[\s,]+/).filter((claim) => claim !== '');
}

async function askMatch(ask: Asker, connection: Connection): Promise<Pick<RuleFlags, 'claim' | 'client' | 'user'>> {
  const match = await ask.choose({
    flag: '--claim, --user or --client',
    message: 'Whom is it for?',
    choices: [
      {value: 'claim', name: 'users by their app_metadata, such as plan=pro'},
      {value: 'user', name: 'one user'},
      {value: 'client', name: 'sessions of an OAuth client'},
    ],
    default: 'claim',
  });
  switch (match) {
    case 'claim': {
      const claims = await ask.text({
        flag: '--claim',
        message: 'Which app_metadata (key=value, separated by spaces)?',
        read: typed((text) => parseClaims(splitClaims(text))),
      });
      return {claim: splitClaims(claims)};
    }

    case 'user': {
      return {
        user: await ask.text({
          flag: '--user',
          message: 'Email address or id of the user?',
          read: typed(async (text) => findUser(connection, text)),
        }),
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

async function askValues(ask: Asker, connection: Connection): Promise<Partial<RuleFlags>> {
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
          message: SETTINGS.strategy.question,
          choices: [
            inherit,
            ...choicesOf(SETTINGS.strategy).map((value) => ({value, name: SETTINGS.strategy.words[value]})),
          ],
          default: 'inherit',
        });
  const deadline = await ask.choose({
    flag: '--timebox, --inactivity or --no-deadline',
    message: 'When do their sessions end?',
    choices: [
      inherit,
      {value: 'timebox', name: 'a time after the sign-in'},
      {value: 'inactivity', name: 'after a time without use'},
      {value: 'none', name: 'never'},
    ],
    default: 'inherit',
  });
  const span = async (flag: string) =>
    ask.text({
      flag,
      message: 'After how long (30m, 12h, 7d)?',
      read: typed(async (text) => parseDeadline(connection, flag, text)),
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

/** A rule as typed, with what was asked for. */
export interface TypedRule {
  name: string | undefined;
  flags: RuleFlags;
}

/**
 * Asks for what is missing of a rule, if somebody can answer.
 * @param yes whether questions are answered by their defaults: then nothing is asked, and what is missing is an error later
 */
export async function completeRule(
  ask: Asker,
  connection: Connection,
  {name, flags}: TypedRule,
  yes: boolean,
): Promise<TypedRule & {asked: boolean}> {
  const {match, values} = ruleGiven(flags);
  if (!ask.interactive || yes || (name !== undefined && match && values)) return {name, flags, asked: false};
  return {
    name: name ?? (await ask.text({flag: '<name>', message: 'Name of the rule?', read: typed(() => null)})),
    flags: {
      ...flags,
      ...(match ? {} : await askMatch(ask, connection)),
      ...(values ? {} : await askValues(ask, connection)),
    },
    asked: true,
  };
}
