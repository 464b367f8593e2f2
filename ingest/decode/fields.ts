import { IngestError } from '../errors.ts';
import { charsetOf, utf8, type Charset } from './charset.ts';

/** More than any form that people fill in; as many as 512 KB can hold would cost ten times what their bytes do. */
const MAX_FIELDS = 1000;

/** @throws IngestError invalid_form beyond MAX_FIELDS */
export function requireFew(count: number): void {
  if (count > MAX_FIELDS) throw new IngestError('invalid_form', `The form has more than ${MAX_FIELDS} fields.`);
}

/** More than any list of fields needs; it is parsed as a whole. */
const LONGEST_LIST = 4096;

/**
 * The charsets that fields name: HTML's `_charset_`, `charset` as PayPal and SMS gateways have it, and `charsets` of SendGrid,
 * which has a charset for each field in JSON.
 *
 * @param valueOf the value of the first field with this name, given in lower case
 */
export function charsetsOfFields(valueOf: (name: string) => Buffer | undefined): (field: string) => Charset | undefined {
  const all = charsetOf((valueOf('_charset_') ?? valueOf('charset'))?.toString('latin1'));
  const each = listed(valueOf('charsets'));
  return (field) => each.get(field) ?? all;
}

function listed(list: Buffer | undefined): ReadonlyMap<string, Charset> {
  if (list === undefined || list.length > LONGEST_LIST) return new Map();
  try {
    const parsed: unknown = JSON.parse(list.toString('utf8'));
    const entries = Object.entries(typeof parsed === 'object' && parsed !== null ? parsed : {});
    return new Map(
      entries.flatMap(([field, name]) => {
        const charset = typeof name === 'string' ? charsetOf(name) : undefined;
        return charset === undefined ? [] : [[field, charset] as const];
      }),
    );
  } catch {
    return new Map();
  }
}

/** Bytes of a field whose label names no charset: UTF-8 where they can be. @returns undefined when nothing is known */
export function decodeField(bytes: Buffer, named: Charset | undefined): string | undefined {
  if (named?.looksLikeAscii === true) return named.decode(bytes);
  return utf8(bytes) ?? named?.decode(bytes);
}

/** The fields of a form in their order, as JSON. */
export class Fields {
  readonly #values = new Map<string, string[]>();

  /** @param json the value as JSON text */
  add(name: string, json: string): void {
    const known = this.#values.get(name);
    if (known === undefined) this.#values.set(name, [json]);
    else known.push(json);
  }

  /** Put together by hand: an object would lose `__proto__` and sort numbers. */
  toJson(): string {
    const entries = [...this.#values].map(
      ([name, values]) => `${JSON.stringify(name)}:${values.length > 1 ? `[${values.join(',')}]` : values.join('')}`,
    );
    return `{${entries.join(',')}}`;
  }
}
