/**
 * How the store starts programs. `process/` stands on the same layer, so main passes its `run` and `startDetached` in.
 * An implementation MUST give the child exactly `env` and MUST NOT let it inherit descriptors.
 */
export interface Processes {
  run(
    argv: readonly string[],
    options: { readonly env?: Readonly<Record<string, string>>; readonly timeout?: number; readonly uid?: number; readonly gid?: number },
  ): Promise<{ readonly exit: number | null; readonly stdout: Buffer; readonly stderr: Buffer }>;
  startDetached(argv: readonly string[], log: string, env: Readonly<Record<string, string>>): Promise<number>;
}

/** The account that PostgreSQL runs under. */
export interface DbUser {
  readonly uid: number;
  readonly gid: number;
}

/** The whole environment of what the store starts. */
export const CHILD_ENV: Readonly<Record<string, string>> = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC' };
