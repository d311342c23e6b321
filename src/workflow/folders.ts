import { join } from 'node:path';

/** Where things stand below the state directory. */
export interface Folders {
  readonly home: string;
  /** Bare mirrors of repositories. */
  readonly mirrors: string;
  /** Laid-out trees of protected bases, by tree id; shared, never written. */
  readonly trees: string;
  /** Frozen setups of protected bases; shared, never written. */
  readonly snapshots: string;
  /** One folder a run: layers, head trees, head snapshots. Removed when the run ends. */
  readonly runs: string;
  readonly artifacts: string;
  readonly keys: string;
  /** Sockets; short paths, since a unix socket's may have 107 bytes. */
  readonly sockets: string;
  readonly sandbox: string;
  /** Signed records of bases that were measured. */
  readonly baselines: string;
  /** Copies of advisories that came from a URL. */
  readonly advisories: string;
}

export function foldersOf(home: string): Folders {
  const at = (name: string): string => join(home, name);
  return { home, mirrors: at('mirrors'), trees: at('trees'), snapshots: at('snapshots'), runs: at('runs'), artifacts: at('artifacts'), keys: at('keys'), sockets: at('run'), sandbox: at('sandbox'), baselines: at('baselines'), advisories: at('advisories') };
}
