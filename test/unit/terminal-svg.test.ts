import {escaped, terminalSvg} from '../../scripts/terminal-svg.js';
import type {Cell} from '../helpers/shell.js';

const PLAIN = {wide: false, color: null, bold: false, dim: false};

function cells(text: string, style: Partial<Cell> = {}): Cell[] {
  return Array.from(text, (character) => ({...PLAIN, ...style, text: character}));
}

/** The texts of a drawing below the title, with their attributes. */
function texts(svg: string): Array<Record<string, string>> {
  return [...svg.matchAll(/<text ([^>]*textLength[^>]*)>([^<]*)<\/text>/g)].map(([, attributes, text]) => ({
    ...Object.fromEntries([...attributes!.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name, value]) => [name!, value!])),
    text: text!,
  }));
}

test('what means something in SVG is escaped, also in the title', () => {
  expect(escaped(`<a href="x">&amp;'`)).toBe(`&lt;a href=&quot;x&quot;&gt;&amp;amp;'`);
  const svg = terminalSvg('a <b> & "c"', [cells('</text><script>&')], 80);
  expect(svg).toContain('<title>a &lt;b&gt; &amp; &quot;c&quot;</title>');
  expect(svg).toContain('>&lt;/text&gt;&lt;script&gt;&amp;</text>');
  expect(svg).not.toContain('<script');
});

test('each run of cells stands in its place and has its width', () => {
  const line = [...cells('$ ls'), ...cells('   '), ...cells('ok', {color: 2, bold: true}), ...cells(' ')];
  expect(texts(terminalSvg('t', [line], 80))).toEqual([
    expect.objectContaining({text: '$ ls', x: '18', textLength: '33.6'}),
    expect.objectContaining({text: 'ok', x: '76.8', textLength: '16.8', fill: '#3fb950', 'font-weight': 'bold'}),
  ]);
});

test('a run ends where the style changes, without the space between', () => {
  const line = [...cells('a '), ...cells('b', {dim: true}), ...cells(' c')];
  expect(texts(terminalSvg('t', [line], 80)).map(({text, x, textLength}) => [text, x, textLength])).toEqual([
    ['a', '18', '8.4'],
    ['b', '34.8', '8.4'],
    ['c', '51.6', '8.4'],
  ]);
});

test('blocks are drawn, down to an eighth of a cell', () => {
  const svg = terminalSvg('t', [cells('██▎', {color: 6})], 80);
  expect(svg).toContain('width="18.9" height="15" fill="#39c5cf"/>');
  expect(texts(svg)).toEqual([]);
});

test('nothing is loaded from elsewhere', () => {
  expect(terminalSvg('t', [cells('x')], 80)).not.toMatch(
    /href|url\(|@import|@font-face|<script|https?:(?!\/\/www\.w3\.org\/2000\/svg")/,
  );
});
