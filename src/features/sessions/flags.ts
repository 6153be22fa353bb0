import * as Flags from '@oclif/core/flags';

const helpGroup = 'WHICH SESSIONS';

/** A session must match all that are given. */
export const filterFlags = {
  user: Flags.string({
    multiple: true,
    summary: 'Sessions of this user (email address or id); may be repeated.',
    helpGroup,
    helpValue: '<email|id>',
  }),
  'over-limit': Flags.boolean({default: false, summary: 'Sessions that the limit would end now.', helpGroup}),
  since: Flags.string({
    summary:
      'Sessions signed in within this span (2h), or since this date or time (2026-11-01T14:00; local if it has no zone).',
    helpGroup,
    helpValue: '<span|date>',
  }),
  until: Flags.string({
    summary: 'Sessions signed in longer ago than this span, or before this date or time.',
    helpGroup,
    helpValue: '<span|date>',
    exclusive: ['older-than'],
  }),
  'older-than': Flags.string({summary: 'The same as --until.', helpGroup, helpValue: '<span|date>'}),
  idle: Flags.string({
    summary: 'Sessions neither signed in nor refreshed for this span, or since this date or time.',
    helpGroup,
    helpValue: '<span|date>',
  }),
  expired: Flags.boolean({
    default: false,
    summary: 'Sessions past their deadline: they end at their next refresh.',
    helpGroup,
  }),
  aal1: Flags.boolean({default: false, summary: 'Sessions signed in without a second factor.', helpGroup}),
  client: Flags.string({summary: 'Sessions of this OAuth client.', helpGroup, helpValue: '<id>'}),
  ip: Flags.string({
    multiple: true,
    summary: 'Sessions last seen from this address or range (203.0.113.0/24); may be repeated.',
    helpGroup,
    helpValue: '<address|range>',
  }),
  device: Flags.string({
    summary: 'Sessions on a device whose name in the list contains this text.',
    helpGroup,
    helpValue: '<text>',
  }),
  claim: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    summary: 'Sessions of users whose app_metadata has this (as for "rules add"); may be repeated.',
    helpGroup,
    helpValue: '<key=value>',
  }),
  except: Flags.string({
    multiple: true,
    summary: 'Not the sessions of this user (email address or id); may be repeated.',
    helpGroup,
    helpValue: '<email|id>',
  }),
};

/** Whose sessions end, and which of them stay. */
export const revokeFlags = {
  user: Flags.string({
    summary: 'All sessions of this user, including one that is just starting.',
    helpValue: '<email|id>',
  }),
  keep: Flags.string({
    multiple: true,
    summary: 'With --user: keep the session with this id; may be repeated.',
    helpValue: '<id>',
    dependsOn: ['user'],
  }),
};
