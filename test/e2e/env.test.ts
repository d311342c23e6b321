import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CallOptions, Home } from '../support/cli.js';
import { openHome } from '../support/cli.js';
import { commitAll, makeRepo, write } from '../support/repo.js';

/** A test that needs a database: it asks PostgreSQL for a start-up answer. */
const TEST = `const test = require("node:test"), net = require("node:net");
test("the database answers", (_, done) => { const s = net.connect(+process.env.PGPORT, process.env.PGHOST, () => s.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]))); s.on("error", done); s.on("data", (d) => { s.end(); done(d.toString() === "N" ? undefined : new Error(d.toString())); }); });
`;

describe('sallyport env', () => {
  let home: Home;
  let repo: string;
  const options = (): CallOptions => ({ cwd: repo });
  beforeAll(() => {
    home = openHome();
    repo = join(home.folder, 'repo');
    makeRepo(repo, { 'package.json': '{"scripts":{"test":"node --test"}}', 'compose.yaml': 'services: { db: { image: "postgres:17" } }\n', 'a.test.js': TEST });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it('proposes what compose and package files tell; the tests then have their database, and a run proves a fix with it', async () => {
    const detected = await home.sally(['env', 'detect', '--json'], options());
    const { text, notes } = detected.json as { text: string; notes: string[] };
    expect({ code: detected.code, notes }).toEqual({ code: 0, notes: ['compose.yaml starts postgres:17: a service of kind `postgres` takes its place'] });
    const without = await home.sally(['env', 'test', '--json'], options());
    expect([without.code, (without.json as { checks: { failed: number }[] }).checks.map((c) => c.failed)]).toEqual([1, [1]]);
    write(repo, { 'sallyport.yaml': `${text}setup: { script: "echo built > built.txt" }\n`, 'sum.js': 'module.exports = (a, b) => a - b;\n', 'sum.test.js': 'require("node:test")("adds", () => require("node:assert").strictEqual(require("./sum.js")(1, 2), 3));\n' });
    commitAll(repo, 'environment');
    const tested = await home.sally(['env', 'test', '--json'], options());
    expect((tested.json as { checks: unknown[] }).checks).toMatchObject([{ name: 'test', passed: 1, failed: 1 }]);
    const ran = await home.sally(['run', 'make the sum right', '--model', home.model([
      { tools: [{ name: 'shell', args: { command: "node --test a.test.js && sed -i 's/a - b/a + b/' sum.js" } }] }, { tools: [{ name: 'finish', args: { summary: 'done' } }] },
    ])], options());
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: expect.stringContaining('2 passed, 0 failed') });
    const services = (await home.events()).filter((e) => e.type === 'service.started').map((e) => e.data);
    expect(services).toEqual([0, 1, 2, 3, 4].map(() => ({ sandbox: expect.any(String), service: 'db', kind: 'postgres', ready: true, ms: expect.any(Number) }))); // base, agent, head, the head with its coverage, the base once more
  });

  it('shows every default, and forgets a frozen setup', async () => {
    expect((await home.sally(['env', 'show', '--json'], options())).json).toMatchObject({ source: 'sallyport.yaml on the base', environment: { limits: { disk: 8192 }, services: { db: { kind: 'postgres', port: 5432 } } } });
    const { snapshot } = (await home.sally(['env', 'reset', '--json'], options())).json as { snapshot: string };
    expect(snapshot).toMatch(/^snap_/);
    expect((await home.sally(['env', 'test'], options())).stderr).toMatch(new RegExp(`${snapshot}\n`));
    expect((await home.sally(['env', 'test'], options())).stderr).toContain(`${snapshot} (used again)`);
  });
});
