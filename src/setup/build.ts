import { type Denial, hintOf, reasonsOf } from '../egress/denials.js';
import { ALWAYS_DEMANDED } from '../protocol/guarantee.js';
import { newId } from '../protocol/ids.js';
import { createRedactor } from '../redact/redactor.js';
import { boundedLayer } from '../sandbox/layer.js';
import { openRecorded } from '../sandbox/record.js';
import type { Dependencies } from '../sandbox/sandbox.js';
import { expectDone, type FetchRequest, limitsOf, OUTPUT } from './fetch-sandbox.js';

/** Said on the command line, which is stronger than any file: what an .npmrc of the tree could turn is turned back here. */
const BUILD_FLAGS = ['--ignore-scripts=false', '--script-shell=/bin/sh', '--node-options=', '--cache=/tmp/npm', '--userconfig', '/dev/null', '--foreground-scripts', '--no-audit', '--no-update-notifier', '--offline'];

/** What a build works with, and where it writes. */
export interface Build {
  /** Topmost first. */
  readonly lowers: readonly string[];
  /** Made here; belongs to the caller. */
  readonly layer: string;
  readonly dependencies: Dependencies | null;
  /** Packages whose install scripts run first. */
  readonly packages: readonly string[];
  readonly script: { readonly text: string; readonly name: 'setup' | 'maintenance' } | null;
  /** Variables of these commands and of nothing else. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Packages whose install scripts are not run: named where the build fails, which may be why. */
  readonly unlisted: readonly Denial[];
}

/** Runs what the environment lists, on the whole tree, with no route. Throws `setup.build_failed` with what it said. */
export async function buildPhase(request: Pick<FetchRequest, 'driver' | 'owner' | 'environment' | 'journal' | 'signal'>, { lowers, layer, dependencies, packages, script, secrets, unlisted }: Build): Promise<void> {
  const { setup, variables, limits } = request.environment.spec;
  await boundedLayer(request.driver, layer, request.owner, limits.disk);
  await using sandbox = await openRecorded(request.driver, {
    id: newId('sb'), phase: 'build', demanded: ALWAYS_DEMANDED, workspace: { lowers, layer }, mounts: [], egressSocket: null, scratch: null, limits: limitsOf(request.environment), dependencies, variables,
  }, request.journal);
  const redactor = createRedactor({ known: Object.values(secrets) });
  const hide = (output: Buffer): Buffer => Buffer.from(redactor.redact(output.toString('utf8')));
  const run = async (argv: readonly string[], what: string): Promise<void> => {
    const result = await sandbox.exec({ argv, env: secrets, timeout: setup.timeout * 1000, maxOutput: OUTPUT, signal: request.signal });
    const [stdout, stderr] = [result.stdout, result.stderr].map(hide) as [Buffer, Buffer]; // a script may print what it was given, and the error quotes it
    expectDone({ ...result, stdout, stderr }, 'setup.build_failed', [what, ...reasonsOf(unlisted)].join('; '), request.signal, hintOf(unlisted));
  };
  if (packages.length > 0) await run(['npm', 'rebuild', ...BUILD_FLAGS, '--', ...packages], `The install scripts of ${packages.join(', ')} failed`);
  if (script !== null) await run(['/bin/bash', '-euo', 'pipefail', '-c', script.text], `The ${script.name} script failed`);
}
