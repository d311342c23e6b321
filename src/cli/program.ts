import { Command, CommanderError } from 'commander';
import { type SallyportError, toSallyportError } from '../protocol/errors.js';
import { EXIT, type ExitCode } from '../protocol/exit.js';
import { visible } from '../redact/visible.js';
import { addDecideCommands } from './commands/decide.js';
import { addEnvCommands } from './commands/env.js';
import { addLookCommands } from './commands/look.js';
import { addModelCommands } from './commands/models.js';
import { addSandboxCommands } from './commands/sandbox.js';
import { addScanCommand } from './commands/scan.js';
import { addSystemCommands } from './commands/system.js';
import { addWorkCommands } from './commands/work.js';
import type { Act } from './options.js';
import type { Surface } from './surface.js';

/** Builds the whole command line. Exported for the reference in docs/cli.md, which a test holds equal to it. */
export function buildProgram(surface: Surface, act: Act): Command {
  const program = new Command('sallyport')
    .description('A guarded home for coding agents: sealed sandbox, independent proof, a record that holds.')
    .version(surface.version)
    .showHelpAfterError('(--help shows what is expected)')
    .addHelpText('after', '\nExit codes: 0 passed or done, 1 gate failed, 2 bad input, 3 refused by policy, 4 machine cannot enforce, 5 unverified,\n6 waiting for a person or a budget, 7 infrastructure error, 130 interrupted.\n\nExample:\n  sallyport run "fix the failing date test" --repo ~/shop');
  addWorkCommands(program, surface, act);
  addLookCommands(program, surface, act);
  addDecideCommands(program, surface, act);
  addModelCommands(program, surface, act);
  addEnvCommands(program, surface, act);
  addSandboxCommands(program, surface, act);
  addScanCommand(program, surface, act);
  addSystemCommands(program, surface, act);
  eachCommand(program, (command) => {
    command.exitOverride();
    if (command.commands.length === 0) command.option('--json', 'one JSON object on standard output, nothing else there');
  });
  return program;
}

function eachCommand(command: Command, body: (command: Command) => void): void {
  body(command);
  for (const child of command.commands) eachCommand(child, body);
}

/** Runs one command line to its exit code. Never throws: every failure is a message and a code. */
export async function runProgram(argv: readonly string[], surface: Surface): Promise<ExitCode> {
  let code: ExitCode = EXIT.passed;
  const act: Act = (body) => async (...args) => {
    code = await body(...args);
  };
  try {
    await buildProgram(surface, act).parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.passed : EXIT.badInput;
    return tell(toSallyportError(error), argv.includes('--json'), surface);
  }
}

function tell(error: SallyportError, json: boolean, surface: Surface): ExitCode {
  if (json) surface.out.result(JSON.stringify({ error: { code: error.code, message: error.message, hint: error.hint ?? null } }));
  else surface.out.note(`sallyport: ${visible(error.message, { lines: true })} [${error.code}]${error.hint === undefined ? '' : `\n  → ${visible(error.hint, { lines: true })}`}`);
  if (error.code === 'internal.bug' && error.cause instanceof Error) surface.out.note(error.cause.stack ?? '');
  return error.exitCode;
}
