import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/protocol/evidence.js';
import { openHome } from '../support/cli.js';
import { cgroupsOf } from '../support/sandbox.js';
import { killAt } from '../support/hold.js';
import { makeRepo } from '../support/repo.js';

const step = (name: string): [string, string] => [`before the result of ${name} is durable`, `type = 'step.ended' and data->>'step' = '${name}'`];
const PLACES: readonly [string, string][] = [
  ...['plan', 'try', 'change.1', 'verify.1', 'judge.1', 'end'].map(step),
  ['before the plan', "type = 'remedy.planned'"], ['before the first result', "type = 'remedy.tried'"],
  ['while candidates are measured', "type = 'command.started' and exists (select from sallyport.events o where o.type = 'remedy.planned')"],
];
const FILES = {
  'package.json': JSON.stringify({ name: 'x', version: '1.0.0', scripts: { test: 'node --test' } }),
  'src/a.js': "'use strict';\nconst crypto = require('crypto');\nmodule.exports = {\n  resetToken: () => Math.random().toString(36).slice(2),\n  id: (text) => crypto.createHash('md5').update(text).digest('hex'),\n};\n",
  'a.test.js': "'use strict';\nconst assert = require('node:assert');\nconst { test } = require('node:test');\nconst { id, resetToken } = require('./src/a.js');\ntest('tokens differ', () => assert.notStrictEqual(resetToken(), resetToken()));\ntest('ids stay', () => assert.strictEqual(id('a'), '0cc175b9c0f1b6a831c399e269772661'));\n",
};

describe('a worker of `fix` that is killed', () => {
  it.concurrent.each(PLACES)('%s: the next one keeps and drops the same', async (_, where) => {
    await using home = openHome();
    makeRepo(join(home.folder, 'repo'), FILES);
    expect(await home.sally(['tasks'])).toMatchObject({ code: 0 });
    await killAt(home, where, ['fix', '--only', 'code', '--repo', join(home.folder, 'repo')]);
    expect(await home.sally(['resume', 'last', '--json'])).toMatchObject({ code: 0, json: { verdict: 'passed' } });
    const { remedies, files } = (await home.sally(['evidence', 'last', '--json'])).json as Evidence;
    expect(remedies.map((r) => [r.title.split(' ')[0], r.kept]).sort()).toEqual([['js/insecure-random', true], ['js/weak-hash', false]]);
    expect(files.map((f) => f.path)).toEqual(['src/a.js']);
    const events = await home.events();
    const tried = events.flatMap((e) => (e.type === 'remedy.tried' ? [e.data.candidate] : []));
    expect(tried.length).toBe(new Set(tried).size);
    expect(cgroupsOf(events.flatMap((e) => (e.type === 'sandbox.started' ? [e.data.sandbox] : [])))).toEqual([]);
    expect(await home.sally(['audit', 'verify'])).toMatchObject({ code: 0 });
  });
});
