import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { describeSettings, integer, list, loggable, port, postgresUrl, readSettings, secret, SettingsError } from './settings.ts';

const schema = z.object({
  PORT: port().default(3002).describe('Port to listen on'),
  GRACE: integer(0, 60).default(5).describe('Seconds to wait'),
  NAMES: list().describe('Names'),
  HOST: z.string().describe('Address'),
});
const MARKER = 'marker-that-nobody-may-see';

function faultOf(about: z.ZodObject, env: Record<string, string>): SettingsError {
  try {
    readSettings(about, env);
  } catch (error) {
    if (error instanceof SettingsError) return error;
  }
  throw new Error('the settings were accepted');
}

describe('readSettings', () => {
  test('returns the typed values of the environment and ignores other variables', () => {
    expect(readSettings(schema, { PORT: '80', GRACE: '7', NAMES: 'a', HOST: 'h', PATH: '/bin' })).toEqual({
      PORT: 80,
      GRACE: 7,
      NAMES: ['a'],
      HOST: 'h',
    });
  });

  test('returns the default of an unset variable', () => {
    expect(readSettings(schema, { HOST: 'h' })).toEqual({ PORT: 3002, GRACE: 5, NAMES: [], HOST: 'h' });
  });

  test('accepts 0 as a value', () => {
    expect(readSettings(schema, { HOST: 'h', GRACE: '0' }).GRACE).toBe(0);
  });

  test('treats an empty variable as unset', () => {
    expect(readSettings(schema, { HOST: 'h', PORT: '', GRACE: '' })).toMatchObject({ PORT: 3002, GRACE: 5 });
    expect(faultOf(schema, { HOST: '' }).message).toContain('HOST is not set');
  });

  test('returns a frozen object', () => {
    const settings = readSettings(schema, { HOST: 'h' });
    expect(() => Object.assign(settings, { PORT: 1 })).toThrow(TypeError);
  });

  test('reports every fault at once: the variable, what arrived, and the rule', () => {
    const error = faultOf(schema, { PORT: '70000', GRACE: 'soon' });
    expect(error.code).toBe('SETTINGS_INVALID');
    const lines = error.message.split('\n').slice(1);
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^ {2}PORT is "70000": .*65535.* Port to listen on$/);
    expect(lines[1]).toMatch(/^ {2}GRACE is "soon": .*number.* Seconds to wait$/);
    expect(lines[2]).toMatch(/^ {2}HOST is not set: .+ Address$/);
  });

  test.each(['1.5', '-1', '61', '1e99', 'NaN', 'Infinity', '5s', '0x'])('refuses %s as a whole number from 0 to 60', (value) => {
    expect(faultOf(schema, { HOST: 'h', GRACE: value }).message).toContain(`GRACE is "${value}"`);
  });

  test.each(['0', '65536'])('refuses %s as a port', (value) => {
    expect(faultOf(schema, { HOST: 'h', PORT: value }).message).toContain(`PORT is "${value}"`);
  });
});

describe('list', () => {
  test.each([
    ['a', ['a']],
    ['a,b', ['a', 'b']],
    [' a , b ', ['a', 'b']],
    ['a,,b,', ['a', 'b']],
    [' , ', []],
  ])('splits "%s" at the commas and drops what is empty', (given, expected) => {
    expect(list().parse(given)).toEqual(expected);
  });

  test('can have a default', () => {
    expect(list().default(['localhost:9092']).parse(undefined)).toEqual(['localhost:9092']);
  });
});

describe('a secret', () => {
  const secrets = z.object({
    URL: postgresUrl().describe('Database'),
    KEY: secret().optional(),
    OTHER: secret().regex(/^x/).default('x').meta({ secret: true }),
    PLAIN: z.string().default('shown'),
  });

  test('is not in the message when it is invalid', () => {
    const { message } = faultOf(secrets, { URL: `mysql://${MARKER}`, OTHER: MARKER });
    expect(message).not.toContain(MARKER);
    expect(message).toContain('URL is set: expected postgresql://');
    expect(message).toContain('OTHER is set');
  });

  test('is logged only as set or unset', () => {
    const settings = readSettings(secrets, { URL: `postgresql://u:${MARKER}@h/d`, OTHER: `x${MARKER}` });
    const logged = loggable(secrets, settings);
    expect(JSON.stringify(logged)).not.toContain(MARKER);
    expect(logged).toEqual({ URL: 'set', KEY: 'unset', OTHER: 'set', PLAIN: 'shown' });
  });

  test('stays secret behind a default, an optional and a description', () => {
    for (const about of [secret().optional(), secret().default('d'), secret().describe('text'), secret().optional().describe('text')]) {
      expect(loggable(z.object({ S: about }), { S: MARKER })).toEqual({ S: 'set' });
    }
  });
});

describe('postgresUrl', () => {
  test.each(['postgresql://u:p@h:5432/d', 'postgres://u@h/d'])('accepts %s', (url) => {
    expect(postgresUrl().parse(url)).toBe(url);
  });

  test.each(['mysql://u@h/d', 'http://h', 'h:5432'])('refuses %s', (url) => {
    expect(postgresUrl().safeParse(url).success).toBe(false);
  });
});

describe('describeSettings', () => {
  test('has one row per setting with its default and its meaning', () => {
    expect(describeSettings(schema)).toEqual([
      { name: 'PORT', fallback: '3002', meaning: 'Port to listen on' },
      { name: 'GRACE', fallback: '5', meaning: 'Seconds to wait' },
      { name: 'NAMES', fallback: 'none', meaning: 'Names' },
      { name: 'HOST', fallback: 'required', meaning: 'Address' },
    ]);
  });

  test('shows a default of 0, a list and an absent optional', () => {
    const rows = describeSettings(
      z.object({ ZERO: integer(0, 1).default(0), BROKERS: list().default(['a:1', 'b:2']), MAYBE: z.string().optional() }),
    );
    expect(rows.map(({ fallback }) => fallback)).toEqual(['0', 'a:1,b:2', 'none']);
  });
});
