// Builds dist/: every source file transpiled one to one, and the programs that run inside sandboxes bundled on their own.
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, 'dist', '.stamp');

/** Programs that run inside a sandbox: entry → file below dist/inside. */
export const INSIDE = {
  'src/sandbox/inside/exec-server.ts': 'exec-server.cjs',
  'src/sandbox/inside/forward.ts': 'forward.cjs',
  'src/sandbox/inside/extract.ts': 'extract.cjs',
  'src/sandbox/inside/probe.ts': 'probe.cjs',
  'src/sandbox/inside/freeze.ts': 'freeze.cjs',
  'src/scan/inside/main.ts': 'scan.cjs',
  'src/gate/inside/reporter.ts': 'reporter.mjs',
  'src/gate/inside/mocha.ts': 'mocha.cjs',
  'src/gate/inside/hold.ts': 'hold.cjs',
  'src/gate/inside/coverage/main.ts': 'coverage.cjs',
  'src/gate/inside/mutants/main.ts': 'mutants.cjs',
  'src/gate/inside/vitest-main.ts': 'vitest-main.cjs',
  'src/gate/inside/vitest-reporter.ts': 'vitest-reporter.mjs',
  'src/gate/inside/vitest-worker.ts': 'vitest-worker.cjs',
  'src/gate/inside/vitest-runner.ts': 'vitest-runner.mjs',
};

/** Programs in another language: copied as they are. */
const COPIED = ['src/gate/inside/sallyport_apart.py', 'src/gate/inside/pytest_cases.py', 'src/gate/inside/unittest_cases.py', 'src/gate/inside/sallyport_lines.py', 'src/gate/inside/sallyport_mutants.py', 'src/gate/inside/trace/sitecustomize.py'];

function sources(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((e) =>
    e.isDirectory() ? sources(join(folder, e.name)) : e.name.endsWith('.ts') ? [join(folder, e.name)] : []).sort();
}

/** Digest of all that the build reads. */
export function sourceDigest() {
  const hash = createHash('sha256');
  for (const file of [...sources(join(root, 'src')), ...COPIED.map((file) => join(root, file)), join(root, 'scripts/build.mjs'), join(root, 'package-lock.json')]) {
    hash.update(`${relative(root, file)}\0`).update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

export function isStale() {
  return !existsSync(stamp) || readFileSync(stamp, 'utf8') !== sourceDigest();
}

export async function build() {
  const { build: bundle } = await import('esbuild');
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  const common = { platform: 'node', target: 'node22', logLevel: 'warning', sourcemap: false };
  const inside = Object.entries(INSIDE).filter(([entry]) => existsSync(join(root, entry)));
  await Promise.all([
    bundle({ ...common, entryPoints: sources(join(root, 'src')), outbase: join(root, 'src'), outdir: join(root, 'dist'), format: 'esm', sourcemap: true }),
    ...inside.map(([entry, out]) => bundle({
      ...common, target: 'node18', entryPoints: [join(root, entry)], outfile: join(root, 'dist', 'inside', out), bundle: true,
      format: out.endsWith('.mjs') ? 'esm' : 'cjs', external: ['@ast-grep/napi'],
      // mocha takes what `require` gives for the reporter.
      ...(out === 'mocha.cjs' ? { footer: { js: 'module.exports = module.exports.CaseReporter;' } } : {}),
    })),
  ]);
  for (const file of COPIED) {
    const to = join(root, 'dist/inside', relative('src/gate/inside', file));
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(join(root, file), to);
  }
  writeFileSync(stamp, sourceDigest());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
