import { expect, it } from 'vitest';
import type { SandboxChoice } from '../../src/main/config.js';
import { tierOf } from '../../src/main/tier.js';
import type { Guarantee } from '../../src/protocol/guarantee.js';

const PLAIN: SandboxChoice = { driver: 'bwrap', runtime: 'runc', image: null, demanded: [] };

it.each<[string, Partial<SandboxChoice>, readonly Guarantee[], boolean, Partial<SandboxChoice>]>([
  ['nothing more', {}, [], true, {}],
  ['a limit', {}, ['memory_limit'], true, { demanded: ['memory_limit'] }],
  ['what is demanded already', { demanded: ['memory_limit'] }, ['memory_limit'], true, { demanded: ['memory_limit'] }],
  ['a second kernel', {}, ['second_kernel'], true, { driver: 'podman', runtime: 'runsc', demanded: ['second_kernel'] }],
  ['a second kernel, without podman', {}, ['second_kernel'], false, { driver: 'docker', runtime: 'runsc', demanded: ['second_kernel'] }],
  ['nothing where the installation demands a second kernel of a driver that it chose itself', { demanded: ['second_kernel'] }, [], true, {}],
  ['a second kernel in the engine that is chosen', { driver: 'docker' }, ['second_kernel', 'disk_limit'], true, { driver: 'docker', runtime: 'runsc', demanded: ['second_kernel', 'disk_limit'] }],
  ['a second kernel that is there', { driver: 'podman', runtime: 'runsc' }, ['second_kernel'], true, { driver: 'podman', runtime: 'runsc', demanded: ['second_kernel'] }],
])('a policy demands %s', (_name, chosen, demands, podman, expected) => {
  expect(tierOf({ ...PLAIN, ...chosen }, demands, podman)).toEqual({ ...PLAIN, ...chosen, ...expected });
});
