import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

interface Asset {
  content: string;
  type: string;
}

const { resolve } = createRequire(import.meta.url);
const own = (name: string) => readFileSync(new URL(`assets/${name}`, import.meta.url), 'utf8');
const of = (path: string) => readFileSync(resolve(path), 'utf8');

/** The files of the page, each by its name. Nothing comes from another origin. */
export const assets: ReadonlyMap<string, Asset> = new Map([
  ['console.js', { content: own('console.js'), type: 'text/javascript; charset=utf-8' }],
  ['console.css', { content: own('console.css'), type: 'text/css; charset=utf-8' }],
  ['icon.svg', { content: own('icon.svg'), type: 'image/svg+xml' }],
  ['uplot.js', { content: of('uplot/dist/uPlot.iife.min.js'), type: 'text/javascript; charset=utf-8' }],
  ['uplot.css', { content: of('uplot/dist/uPlot.min.css'), type: 'text/css; charset=utf-8' }],
]);
