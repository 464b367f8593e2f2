import { expect, test } from 'vitest';
import { bytes, count, seconds } from '../units.ts';
import { html, shown } from './html.ts';

test('foreign text stays text, in an element and in an attribute', () => {
  const evil = `"><script>alert(1)</script><img src=x onerror='x'>`;
  const markup = String(html`<p title="${evil}">${evil}</p>`);
  expect(markup).not.toContain('<script');
  expect(markup).not.toContain('<img');
  expect(markup.match(/"/g)).toHaveLength(2);
});

test('controls and marks that change the direction of text are named', () => {
  expect(shown('a\u001b[31mred\u0000 \u202egnp.exe\u2066x')).toBe('a⟨U+001B⟩[31mred⟨U+0000⟩ ⟨U+202E⟩gnp.exe⟨U+2066⟩x');
});

test.each([
  ['postgresql://operator:hunter2@db/outbox', 'postgresql://operator:•••@db/outbox'],
  ['{"authorization":"Bearer abc.def.ghi"}', 'abc.def.ghi'],
  ['x-hub-signature-256: sha256=aabbcc', 'aabbcc'],
  ['database.password=hunter2', 'hunter2'],
  ['whsec_MfKQ9r8GKYqrTwjU', 'MfKQ9r8'],
])('a secret in %s is removed', (text, secret) => {
  expect(shown(text)).toContain('•••');
  if (!secret.includes('•')) expect(shown(text)).not.toContain(secret);
  else expect(shown(text)).toBe(secret);
});

test('numbers have a unit that fits their size', () => {
  expect([count(null), count(1.25), count(12_345.6)]).toEqual(['–', '1.3', '12,346']);
  expect([seconds(0.0123), seconds(5), seconds(600), seconds(undefined)]).toEqual(['12 ms', '5 s', '10 min', '–']);
  expect([bytes(0), bytes(2048), bytes(5 * 2 ** 30)]).toEqual(['0 B', '2 KB', '5 GB']);
});
