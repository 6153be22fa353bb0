import {matchHistory} from '../../../src/database/history.js';

test.each([
  ['a fresh project and a fresh database', [], [], 0, false],
  ['a project without files', ['1', '2'], [], 2, false],
  ['a fresh database', [], ['1', '2'], 0, false],
  ['the same', ['1', '2'], ['1', '2'], 0, false],
  ['files not applied yet', ['1'], ['1', '2'], 0, false],
  ['another branch', ['1', '2', '3'], ['1', '4'], 2, false],
  ['another project', ['1', '2'], ['3'], 2, true],
  ['versions that are the same number and not the same text', ['01', '1.0'], ['1'], 2, true],
])('%s', (_, applied, files, unknown, otherProject) => {
  expect(matchHistory(applied, files)).toEqual({applied: applied.length, unknown, otherProject});
});
