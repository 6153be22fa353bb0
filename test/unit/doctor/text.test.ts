import {stripVTControlCharacters} from 'node:util';
import {found, passed} from '../../../src/features/doctor/finding.js';
import {findingsText, repairsText} from '../../../src/features/doctor/text.js';

const FINDINGS = [
  passed('project', 'jwt_expiry', '3600 s'),
  found('database', 'error', 'trigger x', {detail: 'x is missing', fix: ['one', 'Or: two']}),
  found('database', 'info', 'limits', {detail: 'Limits are OFF.'}),
];

const text = (all: boolean, findings = FINDINGS) => stripVTControlCharacters(findingsText(findings, {all, width: 80}));

test('what is wrong is shown by area with its fix, what is right only counted', () => {
  expect(text(false)).toBe(`Database
  error    trigger x: x is missing
           → one
           → Or: two
  note     limits: Limits are OFF.

1 check passed (--all shows them); 1 error, 1 note.`);
});

test('with --all what is right is shown too', () => {
  expect(text(true)).toContain('Project\n  ok       jwt_expiry: 3600 s\n');
  expect(text(true)).toMatch(/1 check passed; 1 error, 1 note\.$/);
});

test('what is said is wrapped to the screen, what is to be typed is not', () => {
  const long = found('database', 'error', 'x', {detail: 'word '.repeat(30).trim(), fix: ['type '.repeat(30).trim()]});
  const lines = text(false, [long]).split('\n');
  expect(lines.slice(1, 4).every((line) => line.length <= 80)).toBe(true);
  expect(lines[2]).toMatch(/^ {11}word /);
  expect(lines).toContain(`           → ${'type '.repeat(30).trim()}`);
});

test('a healthy project is one line', () => {
  expect(text(false, FINDINGS.slice(0, 1))).toBe('1 check passed (--all shows them).');
});

test('repairs say what they do and for what', () => {
  const shown = stripVTControlCharacters(repairsText([{repair: 'installation', checks: ['trigger x', 'function y']}]));
  expect(shown).toMatch(/Settings, rules, history and sessions stay\.\n {4}for: trigger x, function y$/);
});
