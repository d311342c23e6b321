import { StringDecoder } from 'node:string_decoder';
import { type Command, Option } from 'commander';
import { trySandbox } from '../../app/try-sandbox.js';
import { SallyportError } from '../../protocol/errors.js';
import { EXIT, type ExitCode } from '../../protocol/exit.js';
import { visible } from '../../redact/visible.js';
import type { ExecResult, Sandbox } from '../../sandbox/sandbox.js';
import { type Act, integer } from '../options.js';
import type { Surface } from '../surface.js';

interface Options {
  readonly repo?: string;
  readonly phase?: 'agent' | 'setup';
  readonly timeout: number;
  readonly json?: boolean;
}

/** A person's own shell may stay open for a working day. */
const SHELL_SECONDS = 12 * 3600;
const EXEC_OUTPUT = 256 * 1024 * 1024;
const JSON_OUTPUT = 16 * 1024 * 1024;
/** As timeout(1) and the shell have it. */
const CODES: Readonly<Partial<Record<ExecResult['reason'], number>>> = { timeout: 124, oom: 137, killed: 130, output_limit: 125, lost: 125 };

export function addSandboxCommands(program: Command, surface: Surface, act: Act): void {
  const sandbox = program.command('sandbox').description('try the sandbox that agents work in');
  sandbox.command('probe').description('look for a way out of a sandbox, and show what this machine enforces').addHelpText('after', '\nExample:\n  sallyport sandbox probe --json')
    .action(act((options: Options) => probe(surface, options)));
  sandbox.command('exec <command...>').description('run a command in a sandbox of its own; exits with its exit code (124 timed out, 137 out of memory)')
    .option('--repo <dir|url>', 'repository whose last commit lies in /workspace, with its setup (default: an empty workspace)')
    .addOption(new Option('--phase <phase>', 'agent: the setup and no route out; setup: manifests alone and the way to the registries').choices(['agent', 'setup']).default('agent'))
    .option('--timeout <seconds>', 'time for the command', integer, 600)
    .addHelpText('after', '\nWhat the command writes vanishes with the sandbox. Nothing of it is on the log.\n\nExample:\n  sallyport sandbox exec --repo . -- npm test')
    .action(act((command: string[], options: Options) => exec(surface, command, options)));
  sandbox.command('shell').description('an interactive shell in a sandbox')
    .option('--repo <dir|url>', 'repository whose last commit lies in /workspace, with its setup (default: an empty workspace)')
    .addHelpText('after', '\nExample:\n  sallyport sandbox shell --repo ~/shop')
    .action(act((options: Options) => sandboxShell(surface, options)));
}

async function probe(surface: Surface, options: Options): Promise<ExitCode> {
  const { report, probes } = await surface.probeSandbox();
  const holds = probes.every((p) => p.ok);
  if (options.json === true) surface.out.result(JSON.stringify({ ok: holds, ...report, probes }));
  else {
    for (const p of probes) surface.out.result(`${p.ok ? '✓' : '✗'} ${p.id.padEnd(15)} ${visible(p.detail)}`);
    surface.out.result(`\n${report.driver} enforces: ${report.enforced.join(', ')}`);
    for (const m of report.missing) surface.out.result(`– ${m.guarantee.padEnd(15)} ${m.why}\n  ${' '.repeat(15)} → ${m.hint}`);
  }
  return holds ? EXIT.passed : EXIT.cannotEnforce;
}

async function exec(surface: Surface, command: readonly string[], options: Options): Promise<ExitCode> {
  return await within(surface, options, async (sandbox) => {
    const plain = options.json !== true;
    const input = surface.piped();
    const result = await sandbox.exec({
      argv: command, timeout: options.timeout * 1000, maxOutput: plain ? EXEC_OUTPUT : JSON_OUTPUT, signal: surface.interrupt, ...(input === null ? {} : { input }),
      ...(plain ? { keepOutput: false, onOutput: printer(surface) } : {}),
    });
    if (plain) tell(surface, result);
    else {
      const { exit, signal, reason, ms } = result;
      surface.out.result(JSON.stringify({ exit, signal, reason, ms: Math.round(ms), stdout: result.stdout.toString('utf8'), stderr: result.stderr.toString('utf8'), enforced: sandbox.enforced, executed: sandbox.executed() }));
    }
    return codeOf(result);
  });
}

/** A shell on the person's terminal, in the sandbox that an agent would get. */
export async function sandboxShell(surface: Surface, options: Pick<Options, 'repo' | 'json'>): Promise<ExitCode> {
  const terminal = surface.terminal();
  if (terminal === null || options.json === true) throw new SallyportError('input.invalid', 'Cannot open a shell: standard input and output are no terminal', { hint: 'Without one: sallyport sandbox exec -- COMMAND' });
  return await within(surface, options, async (sandbox) => {
    surface.out.note('A shell in a sandbox: no route out; what you write vanishes with it. What programs print reaches your terminal as it is. Ctrl-D ends it.');
    using raw = terminal.raw();
    const result = await sandbox.exec({
      argv: ['/bin/sh', '-c', '[ -x /bin/bash ] && exec /bin/bash -i; exec /bin/sh -i'], env: { TERM: 'xterm-256color', PS1: '\\[\\e[33m\\]sandbox\\[\\e[0m\\]:\\w\\$ ' }, terminal: { ...terminal.size(), resized: raw.resized }, input: raw.typed, timeout: SHELL_SECONDS * 1000,
      maxOutput: Number.MAX_SAFE_INTEGER, onOutput: (_, chunk) => surface.out.bytes(chunk), keepOutput: false,
    });
    return codeOf(result);
  });
}

async function within(surface: Surface, options: Pick<Options, 'repo' | 'phase'>, body: (sandbox: Sandbox) => Promise<ExitCode>): Promise<ExitCode> {
  await using app = await surface.openApp();
  await using tried = await trySandbox(app, { repository: options.repo ?? null, phase: options.phase ?? 'agent', signal: surface.interrupt, note: (line) => surface.out.note(visible(line)) });
  return await body(tried.sandbox);
}

/** Into a file or a pipe as it is; on a terminal without what would steer it. */
function printer(surface: Surface): (stream: 'stdout' | 'stderr', chunk: Buffer) => void {
  if (!surface.out.terminal) return (stream, chunk) => surface.out.bytes(chunk, stream);
  const decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') };
  return (stream, chunk) => surface.out.bytes(Buffer.from(visible(decoders[stream].write(chunk), { lines: true })), stream);
}

function tell(surface: Surface, result: ExecResult): void {
  if (result.reason !== 'exited') surface.out.note(`sallyport: the command ended by ${result.reason}`);
}

/** The command's own exit code, as a shell would give it on. */
function codeOf({ exit, reason }: ExecResult): ExitCode {
  return (CODES[reason] ?? exit ?? 137) as ExitCode;
}
