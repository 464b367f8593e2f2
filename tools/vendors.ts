import type { z } from 'zod';
import { handshakeSchema, needsToken } from '../ingest/handshake.ts';
import { hookSchema } from '../ingest/hook-schema.ts';
import { presets, type Preset } from '../ingest/presets.ts';
import { schemeSchema } from '../ingest/signature.ts';
import { placeholdersOf } from '../ingest/signed-content.ts';

// The tables of docs/vendors.md, made from the presets and the schema of zaps.json.

function entryOf(name: string, { signature, handshake }: Preset): string {
  const scheme = signature === undefined ? undefined : schemeSchema.parse(signature);
  const needsUrl = scheme !== undefined && placeholdersOf(scheme.signed).includes('url');
  const entry = {
    preset: name,
    ...(scheme === undefined ? {} : { secrets: [`env:${name.toUpperCase().replaceAll('-', '_')}_SECRET`] }),
    ...(needsUrl ? { url: 'https://…' } : {}),
    ...(handshake !== undefined && needsToken(handshakeSchema.parse(handshake)) ? { handshakeToken: 'env:VERIFY_TOKEN' } : {}),
  };
  return JSON.stringify(entry).slice(1, -1).replaceAll('":', '": ').replaceAll(',"', ', "');
}

function row([name, preset]: [string, Preset]): string {
  const scheme = preset.signature === undefined ? undefined : schemeSchema.parse(preset.signature);
  const signs = scheme === undefined ? 'nothing' : scheme.algorithm === 'token' ? 'a token' : `\`${scheme.signed}\`, ${scheme.algorithm}`;
  const replays = scheme?.timestamp === undefined ? '' : 'a repeat';
  return `| ${preset.vendor} | \`${entryOf(name, preset)}\` | ${signs.length > 120 ? 'fields of the body' : signs} | ${replays} | ${preset.handshake === undefined ? '' : 'yes'} | ${preset.note ?? ''} |`;
}

const fieldRow = ([name, about]: [string, z.ZodType]) => `| \`${name}\` | ${about.description ?? ''} |`;

export const vendorTables = (): string =>
  [
    '| Vendor | Write | It signs | Posted again | Handshake | Note |',
    '|---|---|---|---|---|---|',
    ...Object.entries(presets).map(row),
    '',
    '## Fields of an entry',
    '',
    '| Field | Meaning |',
    '|---|---|',
    ...Object.entries(hookSchema.shape).map((entry) => fieldRow(entry as [string, z.ZodType])),
    '',
    '## Fields of a scheme',
    '',
    'For a vendor that is not in the table: `"schemes": {"acme": {…}}` beside `zaps`, and `"signature": {"scheme": "acme", "secrets": […]}` in the entry.',
    '',
    '| Field | Meaning |',
    '|---|---|',
    ...Object.entries(schemeSchema.shape).map((entry) => fieldRow(entry as [string, z.ZodType])),
  ].join('\n');
