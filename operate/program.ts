import { Command, CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { acceptTopic } from './accept-topic.ts';
import { actions } from './actions.ts';
import { bootstrap } from './bootstrap.ts';
import { buried } from './buried.ts';
import { doctor } from './doctor.ts';
import { erase } from './erase.ts';
import { explain } from './explain.ts';
import { importRuns } from './import.ts';
import { pause, resume } from './pause.ts';
import { reconcile } from './reconcile.ts';
import { repartition } from './repartition.ts';
import { reshard } from './reshard.ts';
import { rebuild, replay } from './replay.ts';
import { status } from './status.ts';
import { SettingsError } from '../kit/settings.ts';
import { OperateError, UsageError, type Output, type Readers, type Work } from './verb.ts';

const verbs = [
  status,
  doctor,
  pause,
  resume,
  buried,
  replay,
  rebuild,
  importRuns,
  explain,
  reconcile,
  acceptTopic,
  repartition,
  reshard,
  actions,
  erase,
];

/**
 * Runs one verb.
 *
 * @param read the settings, read only when a verb runs, so that help needs no settings
 * @returns the exit code: 0 done (and help), 1 a fault, 2 invalid arguments, otherwise the verb's own code
 */
export async function operate(args: readonly string[], read: Readers, output: Output): Promise<number> {
  let code = 0;
  const program = createProgram((config) => async (work) => {
    code = await work(config(read), output);
  });
  for (const one of [program, ...below(program)]) {
    one.exitOverride().configureOutput({
      writeOut: (text) => output.say(text.trimEnd()),
      writeErr: (text) => output.warn(text.trimEnd()),
      outputError: (text) => output.warn(text.replace(/^error:/, 'USAGE:').trimEnd()),
    });
  }
  try {
    await program.parseAsync(args.length === 0 ? ['--help'] : args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!(error instanceof OperateError) && !(error instanceof SettingsError)) throw error;
    output.warn(`${error.code}: ${error.message}`);
    return error instanceof UsageError ? 2 : 1;
  }
}

/** @param runWith makes what runs a verb, from which of the settings it needs */
function createProgram(runWith: <C>(config: (read: Readers) => C) => (work: Work<C>) => Promise<void>): Command {
  const program = new Command('npm run outbox --').description('What an operator does with a running system.');
  const run = runWith((read) => read.operator());
  for (const verb of verbs) program.addCommand(verb(run));
  program.addCommand(bootstrap(runWith((read) => read.administrator())));
  return program;
}

const below = (command: CommandUnknownOpts): CommandUnknownOpts[] => command.commands.flatMap((one) => [one, ...below(one)]);

/** Each verb with its arguments, in the order of the help, for docs/operations.md. */
export function describeVerbs(): { usage: string; about: string }[] {
  const leaves = (command: CommandUnknownOpts, path: string): { usage: string; about: string }[] =>
    command.commands.flatMap((one) => {
      const name = `${path}${one.name()}`;
      return one.commands.length > 0
        ? leaves(one, `${name} `)
        : [{ usage: `${name} ${argumentsOf(one)}`.trim(), about: one.description() }];
    });
  return leaves(
    createProgram(() => async () => undefined),
    '',
  );
}

function argumentsOf(command: CommandUnknownOpts): string {
  const positional = command.registeredArguments.map((one) => {
    const name = `${one.name()}${one.variadic ? '...' : ''}`;
    return one.required ? `<${name}>` : `[${name}]`;
  });
  return [...positional, ...command.options.map(({ flags, mandatory }) => (mandatory ? flags : `[${flags}]`))].join(' ');
}
