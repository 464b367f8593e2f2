import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Spread } from '../bench/figures.ts';
import type { PeerResult } from '../bench/peers/result.ts';
import { isMeasured, resultOf, type MeasuredPeer } from './results.ts';
import { bars, line } from './svg.ts';

// `npm run generate` writes the plots of docs/performance.md from bench/results. With --check it only reports stale ones.

const text = (value: number) => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en'));

function plots(): [string, string][] {
  const made: [string, string][] = [];
  const peers = resultOf('peers');
  const growth = resultOf('growth');
  if (peers !== undefined) {
    const measured = peers.contestants.filter(isMeasured);
    const of = (pick: (peer: MeasuredPeer) => Spread, said: (value: number, peer: PeerResult) => string) =>
      measured.map((peer) => ({
        label: peer.title,
        value: pick(peer).median,
        text: said(pick(peer).median, peer),
        own: peer.name === 'ours',
      }));
    made.push([
      'peers-throughput',
      bars(
        `Events per second out of a backlog of ${peers.backlogRows.toLocaleString('en')}`,
        of(({ drain }) => drain.perSecond, (value) => text(value)), // prettier-ignore
      ),
    ]);
    made.push([
      'peers-latency',
      bars(
        `p99 from COMMIT to a consumer at ${peers.rate} rows/s, ms`,
        of(({ steady }) => steady.p99, (value, peer) => `${text(value)} ms${peer.steady?.keepsUp === true ? '' : ' and rising'}`), // prettier-ignore
      ),
    ]);
  }
  if (growth !== undefined) {
    const points = growth.samples.map(({ seconds, depth }) => ({ x: seconds, y: depth }));
    made.push(['outbox-depth', line('Rows in the outbox under full load', points, 'rows, once a second')]);
  }
  return made;
}

const folder = new URL('../docs/plots/', import.meta.url);
for (const [name, svg] of plots()) {
  const path = fileURLToPath(new URL(`${name}.svg`, folder));
  if (existsSync(path) && readFileSync(path, 'utf8') === svg) continue;
  if (process.argv.includes('--check')) {
    process.stderr.write(`${path} is stale. Run: npm run generate\n`);
    process.exitCode = 1;
  } else {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, svg);
  }
}
