import type { Command } from 'commander';
import { detectEnvironment, resetEnvironment, showEnvironment, testEnvironment } from '../../app/environment.js';
import type { ToolSide } from '../../gate/tools/collect.js';
import { EXIT, type ExitCode } from '../../protocol/exit.js';
import type { CheckRun } from '../../protocol/evidence.js';
import { count } from '../../protocol/words.js';
import { visible } from '../../redact/visible.js';
import type { Act } from '../options.js';
import type { Surface } from '../surface.js';
import { sandboxShell } from './sandbox.js';

interface Options {
  readonly repo: string;
  readonly json?: boolean;
}

export function addEnvCommands(program: Command, surface: Surface, act: Act): void {
  const env = program.command('env').description('how a repository is set up and checked (sallyport.yaml)');
  const add = (name: string, description: string, body: (surface: Surface, options: Options) => Promise<ExitCode>): void => {
    env.command(name).description(description).option('--repo <dir|url>', 'repository, at its last commit', '.').addHelpText('after', `\nExample:\n  sallyport env ${name} --repo ~/shop`)
      .action(act((options: Options) => body(surface, options)));
  };
  add('detect', 'propose sallyport.yaml from lockfiles, scripts, tool versions, compose and CI files; writes nothing', detect);
  add('show', 'the environment that holds, with every default', show);
  add('test', 'set up, start the services and run every check and tool once, as a run would on its base', test);
  add('shell', 'a shell in the environment: the frozen setup, the services, no route out', (of, options) => sandboxShell(of, options));
  add('reset', 'forget the frozen setup, so that the next run makes it anew', reset);
}

async function detect(surface: Surface, options: Options): Promise<ExitCode> {
  await using app = await surface.openApp();
  const { text, notes } = await detectEnvironment(app, options.repo);
  if (options.json === true) surface.out.result(JSON.stringify({ text, notes }));
  else {
    surface.out.result(visible(text, { lines: true }).trimEnd());
    for (const note of notes) surface.out.note(`note      ${visible(note)}`);
  }
  return EXIT.passed;
}

async function show(surface: Surface, options: Options): Promise<ExitCode> {
  await using app = await surface.openApp();
  const { spec, checks, source, commit } = await showEnvironment(app, options.repo);
  if (options.json === true) surface.out.result(JSON.stringify({ source, commit, environment: { ...spec, checks } }));
  else {
    surface.out.result(`${source}, commit ${commit.slice(0, 12)}\n`);
    surface.out.result(visible(JSON.stringify({ ...spec, checks }, null, 2), { lines: true }));
  }
  return EXIT.passed;
}

async function test(surface: Surface, options: Options): Promise<ExitCode> {
  await using app = await surface.openApp();
  const { checks: runs, tools } = await testEnvironment(app, options.repo, surface.interrupt, (line) => surface.out.note(visible(line)));
  if (options.json === true) surface.out.result(JSON.stringify({ checks: runs.map((run) => ({ ...summary(run), cases: run.cases })), tools: tools.map(({ name, run }) => ({ name, ok: run.problem === null, ...run })) }));
  else {
    for (const run of runs) surface.out.result(lineOf(run));
    for (const tool of tools) surface.out.result(toolLine(tool));
  }
  if (runs.length === 0 && options.json !== true) surface.out.result('There is no check: a run would be `unverified` at best.');
  return runs.length === 0 ? EXIT.unverified : runs.every(passed) && tools.every(({ run }) => run.problem === null) ? EXIT.passed : EXIT.gateFailed;
}

function summary(run: CheckRun) {
  const of = (status: string): number => run.cases?.filter((c) => c.status === status).length ?? 0;
  return { name: run.name, ok: passed(run), exit: run.exit, reason: run.reason, problem: run.problem, ms: run.ms, passed: of('passed'), failed: of('failed') };
}

function passed(run: CheckRun): boolean {
  return run.reason === 'exited' && run.exit === 0 && run.problem === null;
}

function lineOf(run: CheckRun): string {
  const { ok, passed: green, failed, exit, reason, problem } = summary(run);
  const cases = run.cases === null ? `exit ${exit ?? reason}` : `${count(green, 'case')} passed, ${failed} failed`;
  return `${ok ? '✓' : '✗'} ${run.name.padEnd(12)} ${cases}${problem === null ? '' : `: ${visible(problem)}`}`;
}

/** What a tool finds is no failure here: it is what a change is compared with. */
function toolLine({ name, run }: ToolSide): string {
  return `${run.problem === null ? '✓' : '✗'} ${name.padEnd(12)} ${run.problem === null ? count(run.found, 'finding') : visible(run.problem)}${run.outside === 0 ? '' : `, ${run.outside} outside of the tree`}`;
}

async function reset(surface: Surface, options: Options): Promise<ExitCode> {
  await using app = await surface.openApp();
  const snapshot = await resetEnvironment(app, options.repo, surface.interrupt);
  if (options.json === true) surface.out.result(JSON.stringify({ snapshot }));
  else surface.out.result(snapshot === null ? 'Nothing is set up for this repository.' : `${snapshot} is forgotten.`);
  return EXIT.passed;
}
