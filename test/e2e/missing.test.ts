import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Home, openHome } from '../support/cli.js';
import { makeRepo } from '../support/repo.js';

let home: Home;
let repo: string;
beforeAll(async () => {
  home = await openHome();
  repo = join(home.folder, 'shop');
  makeRepo(repo, { 'a.test.js': "require('node:test').test('ok', () => {});\n", 'package.json': '{"scripts":{"test":"node --test"}}' });
});
afterAll(async () => await home[Symbol.asyncDispose]());

/** Hides a program below /usr/bin in a mount namespace of the child's own. */
function without(program: string): string[] {
  const [upper, work] = [join(home.folder, `${program}-upper`), join(home.folder, `${program}-work`)];
  mkdirSync(upper);
  mkdirSync(work);
  execFileSync('mknod', [join(upper, program), 'c', '0', '0']); // an overlay's whiteout
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', `mount -t overlay -o lowerdir=/usr/bin,upperdir=${upper},workdir=${work} overlay /usr/bin && exec "$@"`, 'sh'];
}

it('says how to get git when it is missing, and starts nothing', async (context) => {
  if (process.getuid?.() !== 0) return context.skip('hiding a program needs root, in a private mount namespace');
  const before = without('git');
  const doctor = await home.sally(['doctor'], { before });
  expect({ code: doctor.code, out: doctor.stdout }).toEqual({ code: 4, out: expect.stringContaining('apt-get install git') });
  const ran = await home.sally(['check', '--base', 'HEAD', '--repo', repo, '--json'], { before });
  expect({ code: ran.code, error: (ran.json as { error: object }).error }).toEqual({ code: 4, error: { code: 'tool.missing', message: expect.any(String), hint: expect.stringContaining('apt-get install git') } });
});
