import { IngestError } from './errors.ts';

/** More than any form that people fill in; as many as 512 KB can hold would cost ten times what their bytes do. */
export const MAX_FIELDS = 1000;

/** The fields of a form in their order, as JSON. */
export class Fields {
  readonly #values = new Map<string, string[]>();
  #count = 0;

  /** @param json the value as JSON text @throws IngestError invalid_form beyond MAX_FIELDS */
  add(name: string, json: string): void {
    this.#count += 1;
    if (this.#count > MAX_FIELDS) throw new IngestError('invalid_form', `The form has more than ${MAX_FIELDS} fields.`);
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
