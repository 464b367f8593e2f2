const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `5s`, `1.5h`, `7d` → milliseconds; NaN for anything else. A number without a unit is a mistake. */
export function parseDuration(text: string): number {
  const [, number, unit] = /^(\d{1,9}(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  return Number(number) * UNITS[unit as keyof typeof UNITS];
}
