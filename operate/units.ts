// Numbers as operators read them.

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

export const UNKNOWN = '–';

export function count(value: number | null | undefined): string {
  if (value === null || value === undefined) return UNKNOWN;
  return value < 10 ? tenths.format(value) : whole.format(value);
}

export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return UNKNOWN;
  if (value === 0) return '0 s';
  if (value < 1) return `${whole.format(value * 1000)} ms`;
  if (value < 120) return `${tenths.format(value)} s`;
  return value < 7200 ? `${whole.format(value / 60)} min` : `${tenths.format(value / 3600)} h`;
}

export function bytes(value: number | undefined): string {
  if (value === undefined) return UNKNOWN;
  const power = Math.min(3, Math.floor(Math.log2(Math.max(1, value)) / 10));
  const size = value / 1024 ** power;
  return `${(size < 100 ? tenths : whole).format(size)} ${['B', 'KB', 'MB', 'GB'][power]}`;
}
