import { expect, test } from 'vitest';
import { checkNode } from './node-version.ts';

test.each(['22.0.0', '22.18.0', '24.3.1'])('Node %s is accepted', (version) => {
  expect(checkNode(version)).toBeUndefined();
});

test.each(['20.19.0', '20.20.2', '21.7.0'])('Node %s works, with a warning that says what to install', (version) => {
  expect(checkNode(version)).toBe(`NODE_OLD: Node ${version} is no longer maintained. Install Node 22 LTS or newer.`);
});

test.each(['18.20.8', '20.18.3'])('Node %s is refused, and the error says what to install', (version) => {
  expect(() => checkNode(version)).toThrow(`Node ${version} is too old. Install Node 22 LTS or newer.`);
});
