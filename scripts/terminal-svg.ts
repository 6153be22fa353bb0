/** Draws a terminal's screen as SVG: text stays text, and nothing is loaded from elsewhere. */
import type {Cell} from '../test/helpers/shell.js';

/** In pixels. */
const CELL = {width: 8.4, height: 19};
const FONT_SIZE = 14;
/** From the top of a line to the foot of its letters. */
const BASELINE = 14;
const PADDING = 18;
const TITLE_BAR = 34;

const BACKGROUND = '#0d1117';
const BAR = '#161b22';
/** Keeps the edge in sight on a dark page. */
const BORDER = '#3d444d';
const TEXT = '#e6edf3';
const TITLE = '#9198a1';
const DIM = 0.6;
/** The terminal's palette: eight colours and their bright ones. */
const PALETTE = [
  ...['#484f58', '#ff7b72', '#3fb950', '#d29922', '#58a6ff', '#bc8cff', '#39c5cf', '#b1bac4'],
  ...['#6e7681', '#ffa198', '#56d364', '#e3b341', '#79c0ff', '#d2a8ff', '#56d4dd', '#f0f6fc'],
];
const LIGHTS = ['#ff5f57', '#febc2e', '#28c840'];
const FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace";

/** Blocks from a whole cell down to its eighth, which terminals draw themselves: those of a font leave gaps. */
const BLOCKS = '█▉▊▋▌▍▎▏';

/** Cells side by side that look the same. */
interface Run {
  column: number;
  /** How many. */
  cells: number;
  text: string;
  style: Omit<Cell, 'text'>;
}

/** @returns text as it stands in SVG, between tags or in an attribute */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function isBlank({text}: Cell | Run): boolean {
  return text === '' || text === ' ';
}

/** What a line is made of. Spaces begin and end no run, nor are there two in a row: an SVG viewer may make one of them. */
function runsOf(line: Cell[]): Run[] {
  const runs: Run[] = [];
  for (const [column, {text, ...style}] of line.entries()) {
    const run = runs.at(-1);
    const alike =
      run !== undefined &&
      run.column + run.cells === column &&
      run.style.color === style.color &&
      run.style.bold === style.bold &&
      run.style.dim === style.dim &&
      BLOCKS.includes(run.text.at(-1)!) === BLOCKS.includes(text || ' ');
    // The second half of a wide character.
    const half = text === '' && run !== undefined && run.column + run.cells === column && line[column - 1]?.wide;
    if (half) run.cells++;
    else if (isBlank({text, ...style})) {
      const next = line[column + 1];
      if (alike && next !== undefined && !isBlank(next)) {
        run.text += ' ';
        run.cells++;
      }
    } else if (alike) {
      run.text += text;
      run.cells++;
    } else runs.push({column, cells: 1, text, style});
  }

  // A space that was waiting for a run of another style to begin.
  return runs.map((run) => (run.text.endsWith(' ') ? {...run, text: run.text.trimEnd(), cells: run.cells - 1} : run));
}

/** A number of pixels in the fewest characters. */
function px(number: number): string {
  return String(Math.round(number * 100) / 100);
}

function drawn({column, cells, text, style}: Run, top: number): string {
  const {color, bold, dim} = style;
  const x = PADDING + column * CELL.width;
  const fill = color === null ? TEXT : (PALETTE[color] ?? TEXT);
  const opacity = dim ? ` opacity="${DIM}"` : '';
  if (BLOCKS.includes(text[0]!)) {
    const filled = Array.from(text).reduce(
      (sum, block) => sum + (BLOCKS.length - BLOCKS.indexOf(block)) / BLOCKS.length,
      0,
    );
    return `<rect x="${px(x)}" y="${px(top + 2)}" width="${px(filled * CELL.width)}" height="${CELL.height - 4}" fill="${fill}"${opacity}/>`;
  }

  const weight = bold ? ' font-weight="bold"' : '';
  const width = ` textLength="${px(cells * CELL.width)}" lengthAdjust="spacingAndGlyphs"`;
  return `<text x="${px(x)}" y="${px(top + BASELINE)}" fill="${fill}"${weight}${opacity}${width}>${escaped(text)}</text>`;
}

/**
 * @param title what stands in the bar above
 * @param lines the screen, cell by cell
 * @param columns width of the terminal, in characters
 * @returns it as an SVG file
 */
export function terminalSvg(title: string, lines: Cell[][], columns: number): string {
  const width = Math.ceil(columns * CELL.width + 2 * PADDING);
  const height = TITLE_BAR + lines.length * CELL.height + 2 * PADDING - 4;
  const drawing = lines.flatMap((line, index) =>
    runsOf(line).map((run) => drawn(run, TITLE_BAR + PADDING - 2 + index * CELL.height)),
  );
  const lights = LIGHTS.map((color, index) => `<circle cx="${20 + index * 20}" cy="17" r="6" fill="${color}"/>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escaped(title)}</title>
<rect width="${width}" height="${height}" rx="9" fill="${BORDER}"/>
<rect x="1" y="1" width="${width - 2}" height="${height - 2}" rx="8" fill="${BACKGROUND}"/>
<path d="M1 ${TITLE_BAR}V9a8 8 0 0 1 8-8H${width - 9}a8 8 0 0 1 8 8V${TITLE_BAR}Z" fill="${BAR}"/>
${lights.join('\n')}
<g font-family="${escaped(FONTS)}" font-size="${FONT_SIZE}">
<text x="${px(width / 2)}" y="22" fill="${TITLE}" font-size="13" text-anchor="middle">${escaped(title)}</text>
${drawing.join('\n')}
</g>
</svg>
`;
}
