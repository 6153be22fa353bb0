import {isLimitError, type EndReason, type Limit} from 'supasession-js';

/** What happened, and what to do: two sentences at most. */
interface Words {
  title: string;
  hint: string;
}

const SIGN_IN_AGAIN = 'Sign in to go on.';

/** Why a session has ended, in words. `cause` is the device that did it. */
export function endInWords(reason: EndReason, cause: string | null): Words {
  const words: Record<EndReason, Words> = {
    userInitiated: {title: 'You have signed out.', hint: ''},
    evicted: {
      title: `You were signed out because you signed in on ${cause ?? 'another device'}.`,
      hint: 'Your account may be used on a limited number of devices. If that was not you, change your password.',
    },
    revoked: {
      title:
        cause === null ? 'This device was signed out by an administrator.' : `This device was signed out on ${cause}.`,
      hint: SIGN_IN_AGAIN,
    },
    accessRevoked: {title: 'Your access was revoked.', hint: 'Ask the people who run this app.'},
    inactivity: {title: 'You were signed out because the app was not used for a while.', hint: SIGN_IN_AGAIN},
    timebox: {title: 'You were signed out because a sign-in lasts only so long here.', hint: SIGN_IN_AGAIN},
    mfaRequired: {title: 'You were signed out because the second step was not taken in time.', hint: SIGN_IN_AGAIN},
    sessionExpired: {title: 'Your session has expired.', hint: SIGN_IN_AGAIN},
    sessionMissing: {
      title: 'Your session has ended.',
      hint: 'You signed out on all devices, or the account no longer exists.',
    },
    tokenReuse: {
      title: 'You were signed out for your safety.',
      hint: 'A token of this session was used twice. If you have no idea why, change your password.',
    },
  };
  return words[reason];
}

/** What ends the session next, to follow a colon; null is a deadline that somebody else has set. */
export function limitInWords(limit: Limit | null): string {
  switch (limit) {
    case 'idle':
    case 'inactivity':
      return 'the app is not used';
    case 'mfa':
      return 'the second factor is missing';
    default:
      return 'a sign-in lasts only so long';
  }
}

/** Whether "stay signed in" can help. */
export function canExtend(limit: Limit | null): boolean {
  return limit === 'idle' || limit === 'inactivity';
}

/** Why a sign-in failed, in words. */
export function refusalInWords(error: {message: string}): Words {
  if (isLimitError(error)) {
    const one = error.limit === 1;
    return {
      title: `You are signed in on ${error.limit ?? 'other'} ${one ? 'device' : 'devices'}, and no more are allowed.`,
      hint: `Sign out ${one ? 'there' : 'on one of them'}, then try again here.`,
    };
  }
  return {title: error.message, hint: ''};
}
