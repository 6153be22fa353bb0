import {readdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import {ERROR_CODES, EXIT, SupasessionError} from '../../../src/errors.js';

describe('the codes of errors', () => {
  test('are in alphabetical order, and each of them is used', async () => {
    const codes = Object.keys(ERROR_CODES);
    expect(codes).toEqual([...codes].sort());
    const files = (await readdir('src', {recursive: true})).filter(
      (file) => file.endsWith('.ts') && file !== 'errors.ts',
    );
    const source = (await Promise.all(files.map(async (file) => readFile(path.join('src', file), 'utf8')))).join('\n');
    expect(codes.filter((code) => !source.includes(`'${code}'`))).toEqual([]);
  });

  test('end the process with one of the documented exit codes', () => {
    expect(EXIT).toEqual({ok: 0, failed: 1, usage: 2, found: 3, declined: 4, interrupted: 130});
    expect(new SupasessionError('DECLINED', 'no').exit).toBe(4);
    expect(new SupasessionError('INTERRUPTED', 'stop').exit).toBe(130);
    expect(new SupasessionError('USAGE', 'what').exit).toBe(2);
  });
});
