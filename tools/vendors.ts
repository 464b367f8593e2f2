import { z } from 'zod';
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
  const { headers = [], json } = preset.idempotency ?? {};
  const ids = [...headers.map((header) => `\`${header}\``), ...(json === undefined ? [] : [`\`${json}\` of the body`])];
  const replays = ids.length > 0 ? `a repeat, by ${ids.join(' or ')}` : scheme?.timestamp === undefined ? '' : 'a repeat';
  return `| ${preset.vendor} | \`${entryOf(name, preset)}\` | ${signs.length > 120 ? 'fields of the body' : signs} | ${replays} | ${preset.handshake === undefined ? '' : 'yes'} | ${preset.note ?? ''} |`;
}

/** What is inside of an optional field, or of one with a default. */
function inside(field: z.ZodType): z.ZodType {
  return field instanceof z.ZodOptional || field instanceof z.ZodDefault ? inside(field.unwrap() as z.ZodType) : field;
}

/** A line for each field, and for those of an object behind its own. */
const fieldRows = (shape: z.core.$ZodShape, before = ''): string[] =>
  Object.entries(shape).flatMap(([name, given]) => {
    const [field, within] = [given as z.ZodType, inside(given as z.ZodType)];
    const about = field.description ?? within.description ?? '';
    return [
      ...(about === '' ? [] : [`| \`${before}${name}\` | ${about} |`]),
      ...(within instanceof z.ZodObject ? fieldRows(within.shape, `${before}${name}.`) : []),
    ];
  });

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
    ...fieldRows(hookSchema.shape),
    '',
    '## Fields of a scheme',
    '',
    'For a vendor that is not in the table: `"schemes": {"acme": {…}}` beside `zaps`, and `"signature": {"scheme": "acme", "secrets": […]}` in the entry.',
    '',
    '| Field | Meaning |',
    '|---|---|',
    ...fieldRows(schemeSchema.shape),
    '',
    '## Fields of a handshake rule',
    '',
    'For a vendor that checks a new URL in a way of its own: `"handshake": [{…}]` in the entry. The first rule that fits answers, and there is no event.',
    '',
    '| Field | Meaning |',
    '|---|---|',
    ...fieldRows(handshakeSchema.element.shape),
  ].join('\n');
