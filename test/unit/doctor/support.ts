import type {Finding} from '../../../src/features/doctor/finding.js';
import type {Target} from '../../../src/types.js';

export const LOCAL: Target = {
  ...{kind: 'local', host: '127.0.0.1', port: 54_322, database: 'postgres', user: 'postgres', projectRef: null},
  ...{tls: 'disable', tlsRootCert: null},
  login: async () => ({user: 'postgres', password: async () => null, role: null}),
};
export const LINKED: Target = {...LOCAL, kind: 'linked', projectRef: 'abcdefghijklmnopqrst'};

/** What is not right: severity and check, with the detail where a test looks for words. */
export function wrong(findings: Finding[]): string[] {
  return findings.filter(({ok}) => !ok).map(({severity, check}) => `${severity}: ${check}`);
}

/** The one finding that is not right. */
export function theOne(findings: Finding[]): Finding {
  const found = findings.filter(({ok}) => !ok);
  expect(found).toHaveLength(1);
  return found[0]!;
}
