import {stripVTControlCharacters} from 'node:util';
import {unwiredText} from '../../../src/features/install/uninstall-text.js';
import type {Target} from '../../../src/types.js';

test('the next step is one that works: it says --drop-dependents again', () => {
  const text = (kind: Target['kind'], dropped: boolean) =>
    stripVTControlCharacters(unwiredText({kind} as Target, dropped));
  expect(text('local', false)).toContain('\n  {bin} uninstall --apply\n');
  expect(text('local', true)).toContain('\n  {bin} uninstall --drop-dependents --apply\n');
  expect(text('linked', true)).toContain('\n  {bin} uninstall --linked --drop-dependents --apply\n');
});
