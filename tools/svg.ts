// Two kinds of plots as SVG text, readable on light and on dark pages.

export interface Bar {
  label: string;
  value: number;
  /** Written beside the bar. */
  text: string;
  /** Whether it is this project's. */
  own: boolean;
}

export interface Point {
  x: number;
  y: number;
}

const WIDTH = 760;
const STYLE = `
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }
    .title { font-weight: 600 }
    .faint { fill: #59636e }
    .grid { stroke: #d1d9e0 }
    .bar { fill: #9aa4af }
    .own { fill: #0969da }
    .line { fill: none; stroke: #0969da; stroke-width: 1.5 }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc }
      .faint { fill: #9198a1 }
      .grid { stroke: #3d444d }
      .bar { fill: #656c76 }
      .own { fill: #4493f8 }
      .line { stroke: #4493f8 }
    }`;

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const round = (value: number) => Number(value.toFixed(1));

function page(title: string, height: number, content: string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `  <title>${escaped(title)}</title>`,
    `  <style>${STYLE}\n  </style>`,
    `  <text class="title" x="8" y="20">${escaped(title)}</text>`,
    ...content.map((line) => `  ${line}`),
    '</svg>',
    '',
  ].join('\n');
}

/** Horizontal bars on a logarithmic scale, as the values differ by powers of ten. Values must be above 0. */
export function bars(title: string, rows: readonly Bar[]): string {
  const [left, right, top, step] = [270, 130, 40, 28];
  const low = Math.floor(Math.log10(Math.min(...rows.map(({ value }) => value))));
  const high = Math.ceil(Math.log10(Math.max(...rows.map(({ value }) => value))));
  const x = (value: number) => round(left + ((Math.log10(value) - low) / (high - low)) * (WIDTH - left - right));
  const bottom = top + rows.length * step;
  const ticks = Array.from({ length: high - low + 1 }, (_, n) => 10 ** (low + n));
  return page(title, bottom + 28, [
    ...ticks.map((value) => `<line class="grid" x1="${x(value)}" x2="${x(value)}" y1="${top - 6}" y2="${bottom}"/>`),
    ...ticks.map(
      (value) => `<text class="faint" x="${x(value)}" y="${bottom + 18}" text-anchor="middle">${value.toLocaleString('en')}</text>`,
    ),
    ...rows.flatMap(({ label, value, text, own }, n) => {
      const y = top + n * step;
      // A value on the axis itself still has a bar.
      const width = Math.max(2, round(x(value) - left));
      return [
        `<text x="${left - 10}" y="${y + 15}" text-anchor="end">${escaped(label)}</text>`,
        `<rect class="${own ? 'own' : 'bar'}" x="${left}" y="${y}" width="${width}" height="20" rx="2"/>`,
        `<text x="${left + width + 8}" y="${y + 15}">${escaped(text)}</text>`,
      ];
    }),
  ]);
}

/** A line over time, from 0 on both axes. */
export function line(title: string, points: readonly Point[], unit: string): string {
  const [left, right, top, bottom] = [70, 20, 40, 220];
  const most = niceAbove(Math.max(...points.map(({ y }) => y), 1));
  const end = Math.max(...points.map(({ x }) => x), 1);
  const at = ({ x, y }: Point) => `${round(left + (x / end) * (WIDTH - left - right))},${round(bottom - (y / most) * (bottom - top))}`;
  const levels = [0, most / 2, most];
  return page(title, bottom + 32, [
    ...levels.map(
      (y) =>
        `<line class="grid" x1="${left}" x2="${WIDTH - right}" y1="${at({ x: 0, y }).split(',')[1]}" y2="${at({ x: 0, y }).split(',')[1]}"/>`,
    ),
    ...levels.map(
      (y) =>
        `<text class="faint" x="${left - 8}" y="${Number(at({ x: 0, y }).split(',')[1]) + 4}" text-anchor="end">${y.toLocaleString('en')}</text>`,
    ),
    `<text class="faint" x="${left}" y="${bottom + 20}">0 s</text>`,
    `<text class="faint" x="${WIDTH - right}" y="${bottom + 20}" text-anchor="end">${end.toFixed(0)} s</text>`,
    `<text class="faint" x="${WIDTH - right}" y="20" text-anchor="end">${escaped(unit)}</text>`,
    `<polyline class="line" points="${points.map(at).join(' ')}"/>`,
  ]);
}

/** 1, 2 or 5 times a power of ten. */
function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((times) => times * power >= value) ?? 10) * power;
}
