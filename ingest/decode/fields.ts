import { IngestError } from '../errors.ts';
import { charsetOf, type Charset } from './charset.ts';

/** More than any form that people fill in; as many as 512 KB can hold would cost ten times what their bytes do. */
const MAX_FIELDS = 1000;

/** @throws IngestError invalid_form beyond MAX_FIELDS */
export function requireFew(count: number): void {
  if (count > MAX_FIELDS) throw new IngestError('invalid_form', `The form has more than ${MAX_FIELDS} fields.`);
}

/** The charset that a field names: HTML's `_charset_`, and `charset` as PayPal and SMS gateways have it. */
export function charsetOfFields(valueOf: (name: string) => Buffer | undefined): Charset | undefined {
  return charsetOf((valueOf('_charset_') ?? valueOf('charset'))?.toString('latin1'));
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
