import type { Command } from 'commander';
import { testModel } from '../../app/test-model.js';
import { SallyportError } from '../../protocol/errors.js';
import { EXIT, type ExitCode } from '../../protocol/exit.js';
import type { Act } from '../options.js';
import type { Surface } from '../surface.js';

interface Options {
  readonly json?: boolean;
}

export function addModelCommands(program: Command, surface: Surface, act: Act): void {
  const models = program.command('models').description('the models that tasks can use');
  models.command('list').description('models.yaml of the state directory, and the one of the environment').addHelpText('after', '\nExample:\n  sallyport models list --json')
    .action(act((options: Options) => list(surface, options)));
  models.command('test [name]').description('ask a model to call a tool, through the gateway; nothing of a repository is sent').addHelpText('after', '\nExample:\n  sallyport models test qwen3')
    .action(act((name: string | undefined, options: Options) => test(surface, name ?? null, options)));
}

async function list(surface: Surface, options: Options): Promise<ExitCode> {
  const known = surface.models();
  if (options.json === true) surface.out.result(JSON.stringify(known));
  else if (known.length === 0) surface.out.result(`No model is set. ${surface.modelHint}`);
  else for (const m of known) surface.out.result(`${m.default ? '*' : ' '} ${m.name.padEnd(20)} ${m.protocol.padEnd(10)} ${m.model.padEnd(30)} ${m.url}  ${m.key === null ? 'no key' : `key ${m.key}`}`);
  return EXIT.passed;
}

async function test(surface: Surface, name: string | null, options: Options): Promise<ExitCode> {
  const target = surface.model(name);
  if (target === null) throw new SallyportError('input.no_model', 'No model is set', { hint: surface.modelHint });
  const key = target.keyRef === null ? null : await surface.modelKey(target.keyRef);
  const result = await testModel(target, key, surface.interrupt);
  if (options.json === true) surface.out.result(JSON.stringify({ model: target.name, protocol: target.protocol, ...result }));
  else surface.out.result(`${target.name} (${target.protocol}) answered in ${result.ms} ms, ${result.inputTokens ?? '?'} + ${result.outputTokens ?? '?'} tokens; ${result.toolCalls ? 'it calls tools' : 'it did NOT call the tool: it cannot drive a task'}`);
  return result.toolCalls ? EXIT.passed : EXIT.gateFailed;
}
