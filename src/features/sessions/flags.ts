import * as Flags from '@oclif/core/flags';

/** Which sessions; all that are given have to hold. */

export const filterFlags = {
  user: Flags.string({
    multiple: true,
    summary: 'Of this user, by email address or id; may be given again.',
    helpGroup: 'WHICH SESSIONS',
    helpValue: '<email|id>',
  }),
  'over-limit': Flags.boolean({
    default: false,
    summary: 'Those that the limit would end now.',
    helpGroup: 'WHICH SESSIONS',
  }),
  'older-than': Flags.string({
    summary: 'Signed in longer ago than this.',
    helpGroup: 'WHICH SESSIONS',
    helpValue: '<30d>',
  }),
  idle: Flags.string({
    summary: 'Neither signed in nor refreshed for this long.',
    helpGroup: 'WHICH SESSIONS',
    helpValue: '<7d>',
  }),
  expired: Flags.boolean({
    default: false,
    summary: 'Past their deadline: they end at their next refresh.',
    helpGroup: 'WHICH SESSIONS',
  }),
  aal1: Flags.boolean({
    default: false,
    summary: 'Signed in without a second factor.',
    helpGroup: 'WHICH SESSIONS',
  }),
  client: Flags.string({
    summary: 'Of this OAuth client.',
    helpGroup: 'WHICH SESSIONS',
    helpValue: '<id>',
  }),
  except: Flags.string({
    multiple: true,
    summary: 'Not of this user, by email address or id; may be given again.',
    helpGroup: 'WHICH SESSIONS',
    helpValue: '<email|id>',
  }),
};
