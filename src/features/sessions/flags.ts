import * as Flags from '@oclif/core/flags';

const helpGroup = 'WHICH SESSIONS';

/** Which sessions; all that are given must hold. */
export const filterFlags = {
  user: Flags.string({
    multiple: true,
    summary: 'Of this user, by email address or id; repeatable.',
    helpGroup,
    helpValue: '<email|id>',
  }),
  'over-limit': Flags.boolean({default: false, summary: 'Those that the limit would end now.', helpGroup}),
  since: Flags.string({
    summary: 'Signed in within this span (2h), or since this date or time (2026-11-01T14:00; local if it has no zone).',
    helpGroup,
    helpValue: '<span|date>',
  }),
  until: Flags.string({
    summary: 'Signed in longer ago than this span, or before this date or time.',
    helpGroup,
    helpValue: '<span|date>',
    exclusive: ['older-than'],
  }),
  'older-than': Flags.string({summary: 'The same as --until.', helpGroup, helpValue: '<span|date>'}),
  idle: Flags.string({
    summary: 'Neither signed in nor refreshed for this span, or since this date or time.',
    helpGroup,
    helpValue: '<span|date>',
  }),
  expired: Flags.boolean({
    default: false,
    summary: 'Past their deadline: they end at their next refresh.',
    helpGroup,
  }),
  aal1: Flags.boolean({default: false, summary: 'Signed in without a second factor.', helpGroup}),
  client: Flags.string({summary: 'Of this OAuth client.', helpGroup, helpValue: '<id>'}),
  ip: Flags.string({
    multiple: true,
    summary: 'Last seen from this address or range (203.0.113.0/24); repeatable.',
    helpGroup,
    helpValue: '<address|range>',
  }),
  device: Flags.string({
    summary: 'On a device whose name, as the list shows it, contains this text.',
    helpGroup,
    helpValue: '<text>',
  }),
  claim: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    summary: 'Of users whose app_metadata has this; repeatable. As "rules add" reads it.',
    helpGroup,
    helpValue: '<key=value>',
  }),
  except: Flags.string({
    multiple: true,
    summary: 'Not of this user, by email address or id; repeatable.',
    helpGroup,
    helpValue: '<email|id>',
  }),
};

/** Whose sessions end, and which of them stay. */
export const revokeFlags = {
  user: Flags.string({
    summary: 'All sessions of this user, also one that signs in at this moment.',
    helpValue: '<email|id>',
  }),
  keep: Flags.string({
    multiple: true,
    summary: 'With --user: a session that stays, by its id; repeatable.',
    helpValue: '<id>',
    dependsOn: ['user'],
  }),
};
