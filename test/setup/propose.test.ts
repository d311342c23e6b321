import { describe, expect, it } from 'vitest';
import { propose } from '../../src/setup/propose.js';

const base = (files: Readonly<Record<string, string>>) => ({ read: async (path: string) => files[path] ?? null, list: async () => Object.keys(files) });

describe('an environment that is proposed', () => {
  it('has the services that compose and CI files start, and says what has no equivalent', async () => {
    const { services, notes } = await propose(base({
      'docker-compose.yml': 'services:\n  app: { build: . }\n  database: { image: "postgis/postgis:16" }\n  queue: { image: "rabbitmq:3" }\n',
      '.github/workflows/ci.yml': 'jobs:\n  test:\n    services: { redis: { image: "redis:7" } }\n    steps:\n      - run: |\n          npm ci\n          npm test\n      - run: echo $SECRET | test\n',
    }));
    expect(services).toEqual({ db: { kind: 'postgres' }, cache: { kind: 'redis' } });
    expect(notes).toEqual([
      'docker-compose.yml starts postgis/postgis:16: a service of kind `postgres` takes its place', expect.stringContaining('docker-compose.yml starts rabbitmq:3: no container runs in a sandbox'),
      '.github/workflows/ci.yml starts redis:7: a service of kind `redis` takes its place', expect.stringContaining('.github/workflows/ci.yml runs `npm test`'),
    ]);
  });

  it('says which versions of tools are asked for, and that tests start containers', async () => {
    const { services, toolchains, notes } = await propose(base({
      '.tool-versions': 'nodejs 22.1.0\npython 3.12.4\n# comment\n', '.nvmrc': 'lts/*\n', 'package.json': '{"engines":{"node":">=20"},"devDependencies":{"@testcontainers/postgresql":"^10"}}',
    }));
    expect([services, toolchains]).toEqual([{}, { node: '22.1.0', python: '3.12.4' }]);
    expect(notes.map((n) => n.split(':')[0])).toEqual(['.nvmrc asks for node lts/*', 'package.json asks for node >=20', 'tests start containers (testcontainers)']);
  });

  it('passes over what is not what its name says, and is bounded', async () => {
    expect(await propose(base({ 'compose.yaml': '{{{', 'package.json': '[', '.github/workflows/a.yml': 'jobs: 3', '.nvmrc': 'a\nb; rm', '.tool-versions': '$(evil) 1\n' }))).toEqual({ services: {}, toolchains: {}, notes: [] });
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`s${i}`, { image: `thing${i}` }]));
    expect((await propose(base({ 'compose.yml': JSON.stringify({ services: many }) }))).notes.length).toBe(20);
  });
});
