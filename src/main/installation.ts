import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { SallyportError } from '../protocol/errors.js';
import type { RuntimeFile } from '../sandbox/runtime.js';
import type { Mount } from '../sandbox/sandbox.js';

/** Folder of the installation: what holds dist/, policies/ and node_modules/. */
export const INSTALLATION = resolve(import.meta.dirname, '../..');
const PROGRAMS = ['exec-server.cjs', 'forward.cjs', 'extract.cjs', 'probe.cjs', 'freeze.cjs', 'scan.cjs', 'reporter.mjs', 'mocha.cjs', 'hold.cjs', 'vitest-main.cjs', 'vitest-reporter.mjs', 'vitest-worker.cjs', 'vitest-runner.mjs', 'sallyport_apart.py', 'pytest_cases.py', 'unittest_cases.py', 'coverage.cjs', 'sallyport_lines.py', 'trace/sitecustomize.py', 'mutants.cjs', 'sallyport_mutants.py'];

/** Everything that is shown at /opt/sallyport inside. The copy of Node cannot be read there, so what runs from it cannot be dumped. */
export function runtimeFiles(): RuntimeFile[] {
  return [
    { source: process.execPath, name: 'node', sealed: true },
    { source: '/usr/bin/perl', name: 'perl' },
    ...PROGRAMS.map((name) => ({ source: join(INSTALLATION, 'dist/inside', name), name })),
    ...astGrep(),
    ...pythonGrammar(),
  ];
}

/** Digest of everything that runs inside but Node and Perl, which are told by their versions: what measures a tree is part of what it gives. Read once a process, when it is first asked for. */
export function programsDigest(): () => Promise<string> {
  let made: Promise<string> | undefined;
  return () => (made ??= digestFiles(runtimeFiles()));
}

async function digestFiles(all: readonly RuntimeFile[]): Promise<string> {
  const hash = createHash('sha256').update(process.version);
  for (const { source, name } of all) {
    hash.update(`\0${name}\0`);
    hash.update(name === 'node' || name === 'perl' ? JSON.stringify([(await stat(source)).size, (await stat(source)).mtimeMs]) : await readFile(source));
  }
  return hash.digest('hex');
}

/** The native parser that the scanner loads, with the package that picks it. */
function astGrep(): RuntimeFile[] {
  const require = createRequire(join(INSTALLATION, 'package.json'));
  const main = dirname(require.resolve('@ast-grep/napi/package.json'));
  const platform = join(dirname(main), `napi-linux-${process.arch}-gnu`);
  if (!existsSync(platform)) throw new SallyportError('tool.missing', `The scanner's parser for linux-${process.arch} is not installed`, { hint: 'npm run setup' });
  return [main, platform].flatMap((folder) => files(folder).map((source) => ({ source, name: `node_modules/@ast-grep/${source.slice(dirname(main).length + 1)}` })));
}

/** The Python grammar for this machine's CPU, under one name for all; a scan says so where there is none. */
function pythonGrammar(): RuntimeFile[] {
  const folder = join(INSTALLATION, 'node_modules/@ast-grep/lang-python');
  const library = join(folder, `prebuilds/prebuild-Linux-${process.arch === 'arm64' ? 'ARM64' : 'X64'}/parser.so`);
  if (!existsSync(library)) return [];
  const name = 'node_modules/@ast-grep/lang-python';
  return [{ source: join(folder, 'package.json'), name: `${name}/package.json` }, { source: library, name: `${name}/parser.so` }];
}

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((e) =>
    e.isDirectory() ? files(join(folder, e.name)) : /\.(js|json|node)$/.test(e.name) ? [join(folder, e.name)] : []);
}

/**
 * The Node that projects use inside: the first on the PATH that is not Sallyport's own. One below /usr is there already; one
 * in a home (nvm and friends) is mounted with its npm.
 */
export function toolchains(path: string): Mount[] {
  for (const folder of path.split(':')) {
    const file = join(folder, 'node');
    if (!existsSync(file)) continue;
    const real = realpathSync(file);
    if (real.startsWith(realpathSync(INSTALLATION))) continue;
    if (real.startsWith('/usr/')) return [];
    return [{ source: dirname(dirname(real)), target: '/opt/toolchain/node' }];
  }
  return existsSync('/usr/bin/node') ? [] : [{ source: dirname(dirname(realpathSync(process.execPath))), target: '/opt/toolchain/node' }];
}

/** Which Node, and which other tools below /usr, a project gets inside: their files, sizes and times. */
export function toolchainIdentity(path: string): string {
  const [mount] = toolchains(path);
  const node = mount === undefined ? '/usr/bin/node' : join(mount.source, 'bin/node');
  return [node, ...['python3', 'go', 'cargo', 'java'].map((name) => `/usr/bin/${name}`)].map((file) => {
    const info = statSync(file, { throwIfNoEntry: false });
    return `${realpathSync.native(existsSync(file) ? file : '/')}:${info?.size ?? 0}:${info?.mtimeMs ?? 0}`;
  }).join(' ');
}
