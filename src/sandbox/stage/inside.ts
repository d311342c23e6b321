import type { SandboxSpec } from '../sandbox.js';

/** Descriptors of a stage. `channel` is the exec server's, or what tells the exit code where a single command runs; `orders` is closed before the sandbox begins. */
export const FD = { channel: 3, args: 4, seccomp: 5, orders: 6 } as const;

/** Where things stand inside every sandbox. */
export const INSIDE = {
  workspace: '/workspace',
  home: '/home/agent',
  runtime: '/opt/sallyport',
  egressSocket: '/run/sallyport/egress.sock',
  scratch: '/scratch',
  dependencies: '/opt/deps',
  uid: 1000,
} as const;

/** Variables that every command inside starts with. */
export function baseVariables(spec: SandboxSpec, path: readonly string[]): Record<string, string> {
  return {
    PATH: [...(spec.dependencies?.path ?? []), ...path, '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
    HOME: INSIDE.home, USER: 'agent', LOGNAME: 'agent', SHELL: '/bin/bash', LANG: 'C.UTF-8', TZ: 'UTC', TMPDIR: '/tmp', TERM: 'dumb', CI: 'true',
    ...spec.dependencies?.variables, ...spec.variables,
  };
}

/** What must be known where one command runs by itself, without an exec server. */
export interface Once {
  readonly cwd: string;
  readonly variables: Readonly<Record<string, string>>;
}
