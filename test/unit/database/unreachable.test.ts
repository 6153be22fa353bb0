import {toSupasessionError} from '../../../src/database/errors.js';
import type {Target} from '../../../src/types.js';

const REF = 'abcdefghijklmnopqrst';

function failure(where: Partial<Target>, error: {code?: string; message?: string}) {
  const target = {
    kind: 'linked',
    port: 5432,
    database: 'postgres',
    user: 'postgres',
    projectRef: REF,
    ...where,
  } as Target;
  const {code, message, suggestions} = toSupasessionError(Object.assign(new Error(error.message), error), target);
  return {code, message, suggestions: suggestions.join('\n')};
}

describe('a hosted project that is not found', () => {
  test('by its own name: the reference may be wrong, or IPv6 is missing', () => {
    const host = `db.${REF}.supabase.co`;
    const {code, message, suggestions} = failure({host}, {code: 'ENOTFOUND'});
    expect([code, message]).toEqual(['CONNECTION_FAILED', `${host}:5432 cannot be reached (ENOTFOUND).`]);
    expect(suggestions).toMatch(
      new RegExp(`^Check the reference ${REF}.*\n.*IPv6.*supabase} link --project-ref ${REF}\n.*pooler`),
    );
    // The name was found: it is not the reference.
    const unreachable = failure({host}, {code: 'ENETUNREACH'}).suggestions;
    expect(unreachable).toContain('IPv6');
    expect(unreachable).not.toContain('reference');
  });

  test('by its pooler: the region or the reference may be wrong', () => {
    const pooler = {host: 'aws-0-nowhere-1.pooler.supabase.com', user: `postgres.${REF}`};
    const {code, suggestions} = failure(pooler, {code: 'ENOTFOUND'});
    expect(code).toBe('CONNECTION_FAILED');
    expect(suggestions).toMatch(
      new RegExp(`^Check the region in ${pooler.host}.*\nCheck the reference in the user postgres.${REF}`),
    );
    // A pooler of another region says this.
    const unknown = failure(pooler, {code: 'XX000', message: 'Tenant or user not found'});
    expect(unknown).toEqual({
      code: 'AUTHENTICATION_FAILED',
      message: `The pooler at ${pooler.host}:5432 does not know the user postgres.${REF}.`,
      suggestions,
    });
  });

  test('any other host: its name', () => {
    const other = {kind: 'url', host: 'db.example.com', projectRef: null} as const;
    expect(failure(other, {code: 'ENOTFOUND'}).suggestions).toBe('Check the name db.example.com');
    expect(failure(other, {code: 'ETIMEDOUT'}).suggestions).toBe('Check the host, the port and the network');
  });
});
