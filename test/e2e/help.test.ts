import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Home, openHome } from '../support/cli.js';

let home: Home;
beforeAll(() => {
  home = openHome({ firstUse: true });
});
afterAll(() => home[Symbol.asyncDispose]());

it('every command has help with an example, and help needs no state directory', async () => {
  const { stdout } = await home.sally(['--help']);
  const names = stdout.slice(stdout.indexOf('Commands:')).split('\n').map((line) => /^ {2}([a-z]+)/.exec(line)?.[1]).filter((n) => n !== undefined && n !== 'help' && n !== 'sallyport');
  expect(names.sort()).toEqual(['apply', 'approve', 'ask', 'audit', 'check', 'diff', 'doctor', 'env', 'evidence', 'fix', 'gc', 'init', 'log', 'models', 'reject', 'resume', 'review', 'run', 'sandbox', 'sbom', 'scan', 'show', 'stop', 'tasks']);
  const commands = [...names.filter((n) => !['audit', 'env', 'models', 'sandbox'].includes(n as string)).map((n) => [n as string]), ['audit', 'verify'], ['audit', 'export'], ['models', 'list'], ['models', 'test'], ['sandbox', 'probe'], ['sandbox', 'exec'], ['sandbox', 'shell'], ['env', 'detect'], ['env', 'show'], ['env', 'test'], ['env', 'shell'], ['env', 'reset']];
  const helps = await Promise.all(commands.map(async (command) => ({ command, ran: await home.sally([...command, '--help']) })));
  for (const { command, ran } of helps) expect({ command, code: ran.code, help: ran.stdout }).toEqual({ command, code: 0, help: expect.stringMatching(new RegExp(`Example:\\n  sallyport ${command.join(' ')}|Example:\\n  sallyport audit`)) });
  for (const { command, ran } of helps) expect({ command, help: ran.stdout }).toEqual({ command, help: expect.stringContaining('--json') });
  expect(stdout).toContain('Exit codes: 0 passed or done, 1 gate failed, 2 bad input, 3 refused by policy, 4 machine cannot enforce, 5 unverified');
  expect(existsSync(home.home)).toBe(false);
});
