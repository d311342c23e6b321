import { readFileSync, writeSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { toSallyportError } from '../protocol/errors.js';
import { runProgram } from '../cli/program.js';
import type { Surface } from '../cli/surface.js';
import { foldersOf } from '../workflow/folders.js';
import { type Config, readConfig } from './config.js';
import { Environments } from './environments.js';
import { INSTALLATION } from './installation.js';
import { MODEL_HINT, Models } from './models.js';
import { openTerminal, pipedInput } from './terminal.js';

/** Entry of the command line. */
async function main(): Promise<number> {
  process.noDeprecation = true; // a dependency's habits are not the user's business
  Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false }); // it writes to the console otherwise
  process.umask(0o022); // files that a sandbox must read are readable whatever the shell says; private ones are made 0600
  const uid = process.getuid?.() ?? 0;
  const config = readConfig(process.env, uid, userInfo().username);
  const models = await Models.load(config, { ...process.env });
  const environments = await Environments.load(config.home, { ...process.env });
  for (const name of ['SALLYPORT_MODEL_KEY', 'DATABASE_URL', ...models.keyVariables(), ...environments.variables()]) delete process.env[name];
  // Libraries would read these behind our back: the address of the database is in DATABASE_URL, whole.
  for (const name of Object.keys(process.env)) if (/^(DBOS|PG)/.test(name)) delete process.env[name];
  return await runProgram(process.argv.slice(2), surface(config, models, environments, uid));
}

function surface(config: Config, models: Models, environments: Environments, uid: number): Surface {
  return {
    version: JSON.parse(readFileSync(join(INSTALLATION, 'package.json'), 'utf8')).version,
    home: config.home, modelHint: MODEL_HINT, publicKeyFolder: foldersOf(config.home).keys,
    openApp: async () => (await import('./compose.js')).openApp(config, models, environments, uid),
    model: (option) => models.target(option, process.cwd()),
    models: () => models.list(),
    modelKey: (ref) => models.key(ref),
    diagnose: async () => (await import('./diagnose.js')).diagnose(config, models, environments, uid),
    probeSandbox: async () => (await import('./diagnose.js')).probeSandbox(config, uid),
    terminal: openTerminal,
    piped: pipedInput,
    interrupt: interruption(),
    ask: async (question) => {
      if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return await lines.question(question);
      } finally {
        lines.close();
      }
    },
    out: {
      terminal: process.stdout.isTTY === true || process.stderr.isTTY === true,
      colour: process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined,
      result: (text) => write(1, `${text}\n`),
      note: (text) => write(2, `${text}\n`),
      bytes: (data, stream) => write(stream === 'stderr' ? 2 : 1, data),
    },
  };
}

/** Blocking writes: nothing is lost when the process ends right after. A reader that has gone away (EPIPE) is no error. */
function write(fd: 1 | 2, data: string | Buffer): void {
  let rest = Buffer.from(data);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN') throw error;
    }
  }
}

/** The first signal stops resumably; a second one ends at once. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort();
    });
  }
  return controller.signal;
}

function fail(thrown: unknown): number {
  const error = toSallyportError(thrown);
  write(2, `sallyport: ${error.message} [${error.code}]${error.hint === undefined ? '' : `\n  → ${error.hint}`}\n`);
  return error.exitCode;
}

// Node would end with 1, which here means that a gate failed. What a run held is given back by its lease; `resume` goes on.
process.on('uncaughtException', (error) => process.exit(fail(error)));
process.on('unhandledRejection', (error) => process.exit(fail(error)));

let code: number;
try {
  code = await main();
} catch (thrown) {
  code = fail(thrown);
}
process.exit(code);
