// Inserts the pushed fragments and draws the last hour. It makes no markup.
/* global document, window, EventSource, fetch, getComputedStyle, matchMedia, uPlot, requestAnimationFrame, ResizeObserver */
'use strict';

const HOUR = 3600;
const columns = [[], [], [], [], [], [], [], [], []];
const charts = [];

function put(fragments) {
  for (const [id, content] of Object.entries(fragments)) {
    const element = document.getElementById(id);
    if (element === null || element.shown === content) continue;
    element.shown = content;
    element.innerHTML = content;
  }
}

function append(point) {
  const at = point[0] / 1000;
  const last = columns[0].at(-1);
  if (last !== undefined && at <= last) return;
  if (last !== undefined && at - last > 5) push([last + 1, ...columns.slice(1).map(() => null)]);
  push([at, ...point.slice(1)]);
  while (columns[0].length > 0 && columns[0][0] < at - HOUR) for (const column of columns) column.shift();
}

const push = (values) => columns.forEach((column, index) => column.push(values[index]));

let drawing = false;
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    const now = columns[0].at(-1) ?? Date.now() / 1000;
    for (const { plot, of } of charts) {
      plot.setData([columns[0], ...of.map((index) => columns[index])], false);
      // In the first hour, the data so far fills the width.
      const first = Math.min(columns[0][0] ?? now, now - 300);
      plot.setScale('x', { min: Math.max(now - HOUR, first), max: now });
    }
  });
}

const short = (value) =>
  value >= 1e6 ? `${+(value / 1e6).toFixed(1)}M` : value >= 1e4 ? `${+(value / 1e3).toFixed(1)}k` : String(+value.toPrecision(3));
const duration = (value) => (value < 1 ? `${+(value * 1000).toPrecision(3)} ms` : `${+value.toPrecision(3)} s`);

function chart(name, of, text) {
  const host = document.getElementById(`plot-${name}`);
  if (host === null) return;
  const style = getComputedStyle(document.documentElement);
  const color = (what) => style.getPropertyValue(`--${what}`).trim();
  const dashes = [undefined, [6, 3], [2, 3]];
  const axis = {
    stroke: color('muted'),
    grid: { stroke: color('grid'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  };
  const plot = new uPlot(
    {
      width: host.clientWidth,
      height: host.clientHeight,
      legend: { show: false },
      cursor: { show: false },
      padding: [8, 8, 0, 0],
      scales: { x: { time: true }, y: { range: (_u, _min, max) => [0, Math.max(max * 1.1, name === 'latency' ? 0.01 : 1)] } },
      axes: [
        { ...axis, size: 26, space: 70, values: (_u, splits) => splits.map((at) => new Date(at * 1000).toISOString().slice(11, 16)) },
        { ...axis, size: 56, space: 28, values: (_u, splits) => splits.map(text) },
      ],
      series: [
        {},
        ...of.map((_index, at) => ({ stroke: color(`line-${'abc'[at]}`), width: 1.5, dash: dashes[at], points: { show: false } })),
      ],
    },
    [columns[0], ...of.map((index) => columns[index])],
    host,
  );
  charts.push({ plot, of, host });
}

function drawAll() {
  for (const { plot } of charts.splice(0)) plot.destroy();
  chart('throughput', [1, 2, 3], short);
  chart('latency', [5, 6], duration);
  chart('depth', [7], short);
  chart('lag', [8], short);
  draw();
}

/** A hidden page closes its stream: a browser has six connections per host, and each snapshot costs. */
let source;
let ended = false;
function listen(path) {
  if (ended || document.hidden || source !== undefined) return;
  source = new EventSource(path);
  const lost = (isLost) => {
    const link = document.getElementById('link');
    if (link !== null) link.hidden = !isLost;
  };
  source.addEventListener('error', () => lost(true));
  source.addEventListener('message', (event) => {
    lost(false);
    const { fragments = {}, point, ended: over = false } = JSON.parse(event.data);
    put(fragments);
    if (point !== undefined && charts.length > 0) {
      append(point);
      draw();
    }
    if (over) {
      ended = true;
      source.close();
    }
  });
}

async function start() {
  const path = document.body.dataset.live;
  if (path === undefined) return;
  if (typeof uPlot !== 'undefined') {
    const past = await fetch('/history').then((response) => response.json());
    past[0].forEach((at, row) => push([at / 1000, ...past.slice(1).map((column) => column[row])]));
    drawAll();
    let width = window.innerWidth;
    new ResizeObserver(() => {
      if (window.innerWidth === width) return;
      width = window.innerWidth;
      for (const { plot, host } of charts) plot.setSize({ width: host.clientWidth, height: host.clientHeight });
    }).observe(document.body);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
  }
  listen(path);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) return listen(path);
    source?.close();
    source = undefined;
  });
}

void start();
