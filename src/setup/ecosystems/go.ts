import { goFront } from '../../egress/go-front.js';
import { parseGoMod, parseGoSum, shownModule, wantedModules } from '../../egress/locks/go-mod.js';
import { SallyportError } from '../../protocol/errors.js';
import { GO } from '../dependencies.js';
import { insideUrl } from '../fetch-sandbox.js';
import { GO_VENDORED } from '../manifest-names.js';
import type { Command, FetchPlan } from './plan.js';

/** A command line has an end. */
const AT_ONCE = 500;
/** go may complete the files that it reads: it gets copies, so that nothing of it lies over the tree. */
const COPIES = '/scratch/gomod';

/**
 * Said as variables, which are stronger than any file. Files stay writable, so that their owner can remove them. No version control and no checksum database is asked: what is fetched is
 * held against go.sum on the host, and by go itself.
 */
const ENV = {
  GOENV: 'off', GOFLAGS: `-mod=readonly -modcacherw -modfile=${COPIES}/go.mod`, GOMODCACHE: GO, GOPROXY: insideUrl('go'), GOSUMDB: 'off', GONOPROXY: 'none', GOPRIVATE: '', GOVCS: '*:off', GOTOOLCHAIN: 'local', GOWORK: 'off',
  GOPATH: '/scratch/gopath', GOCACHE: '/scratch/go-build',
} as const;

/** Modules of Go, by go.mod and go.sum at the root. Null where nothing is named, or where all of it is part of the tree. go.mod has exact versions: there is nothing to resolve. */
export function planGo(manifests: ReadonlyMap<string, Buffer>): FetchPlan | null {
  const text = manifests.get('go.mod')?.toString('utf8');
  if (text === undefined || manifests.has(GO_VENDORED)) return null;
  const mod = parseGoMod(text);
  if (mod.requires.length === 0) return null;
  const sumText = manifests.get('go.sum')?.toString('utf8');
  const sums = parseGoSum(sumText ?? '');
  const wanted = wantedModules(mod, sums);
  if (wanted.length === 0) return null;
  if (sumText === undefined) throw new SallyportError('setup.fetch_failed', 'Cannot fetch the modules of Go: go.mod names some and there is no go.sum', { hint: 'Commit it: go mod tidy.' });
  return {
    ecosystem: 'go', dependencies: ['go'], files: new Map(), commands: [...PREPARE, ...download(wanted.map(shownModule)), GRAPH],
    locked: [...sums.zips.keys()].map((key) => ({ name: key.slice(0, key.lastIndexOf('@')), version: key.slice(key.lastIndexOf('@') + 1) })),
    front: (registry) => goFront({ registry, sums }),
  };
}

const PREPARE: readonly Command[] = [
  { argv: ['/bin/sh', '-c', 'go version'], env: ENV, what: 'Modules of Go need go below /usr (Debian, Ubuntu: apt-get install golang-go), or as `toolchains: { go: VERSION }` in sallyport.yaml' },
  { argv: ['/bin/sh', '-c', `mkdir -p ${COPIES} && cp go.mod go.sum ${COPIES}/`], what: 'go.mod and go.sum could not be copied' },
];

function download(modules: readonly string[]): Command[] {
  return Array.from({ length: Math.ceil(modules.length / AT_ONCE) }, (_, i) => ({
    argv: ['go', 'mod', 'download', ...modules.slice(i * AT_ONCE, (i + 1) * AT_ONCE)], env: ENV, what: 'go could not fetch the modules', asker: 'go mod download',
  }));
}

/** go.mod of further modules, by which versions are chosen. Where go.sum does not know all of them, a build that needs one says so. */
const GRAPH: Command = { argv: ['/bin/sh', '-c', 'go mod graph >/dev/null 2>&1 || :'], env: ENV, what: 'go could not read the graph of modules', asker: 'go mod graph' };
