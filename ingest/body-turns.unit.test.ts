import type { Socket } from 'node:net';
import { beforeEach, expect, test } from 'vitest';
import { createBodyTurns, type Reading } from './body-turns.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));
let said: string[];
beforeEach(() => (said = []));

const connection = (name: string): Reading & { socket: { destroyed: boolean } } => {
  const socket = { destroyed: false, pause: () => said.push(`${name} rests`), resume: () => said.push(`${name} is read`) };
  return { socket: socket as unknown as Socket, taken: 0, resting: false };
};

test('a body of which 64 KB were read rests while others are read, two in each turn of the event loop', async () => {
  const took = createBodyTurns();
  for (const name of ['a', 'b', 'c']) took(connection(name), 65_536);
  expect(said.splice(0)).toEqual(['a rests', 'b rests', 'c rests']);
  await turn();
  expect(said.splice(0)).toEqual(['a is read', 'b is read']);
  await turn();
  expect(said).toEqual(['c is read']);
});

test('a body in small pieces rests after 256 of them, and one that arrives in a few never does', async () => {
  const took = createBodyTurns();
  const [crumbs, usual] = [connection('crumbs'), connection('usual')];
  for (let n = 0; n < 50; n += 1) took(usual, 400);
  for (let n = 0; n < 255; n += 1) took(crumbs, 1);
  expect(said).toEqual([]);
  took(crumbs, 1);
  await turn();
  expect(said).toEqual(['crumbs rests', 'crumbs is read']);
});

test('what still comes of a body that rests does not make it rest twice, and a closed connection is not read', async () => {
  const took = createBodyTurns();
  const closed = connection('closed');
  took(closed, 65_536);
  took(closed, 65_536);
  closed.socket.destroyed = true;
  await turn();
  expect(said).toEqual(['closed rests']);
});
