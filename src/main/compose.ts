import { chmod, mkdir } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { diskArtifacts } from '../artifacts/disk.js';
import { signEnvelope, verifyEnvelope } from '../attest/dsse.js';
import { loadLogKey } from '../audit/key.js';
import { createLog } from '../audit/log.js';
import type { App } from '../app/app.js';
import { startDetached } from '../process/detach.js';
import { milliseconds } from '../protocol/environment.js';
import { SallyportError } from '../protocol/errors.js';
import { newId } from '../protocol/ids.js';
import { createRedactor } from '../redact/redactor.js';
import { fromUrl } from '../scan/advisories/mirror.js';
import { type AdvisorySet, fromFolder } from '../scan/advisories/source.js';
import { createBwrapDriver } from '../sandbox/bwrap/driver.js';
import type { RootImage } from '../sandbox/stage/root.js';
import type { Privilege } from '../sandbox/stage/stage.js';
import { demanding } from '../sandbox/demanding.js';
import { createOciDriver, engineInstalled } from '../sandbox/oci/driver.js';
import type { Mount, SandboxDriver } from '../sandbox/sandbox.js';
import { findNative } from '../store/binaries.js';
import type { Seal } from '../setup/seal.js';
import { openStore } from '../store/open.js';
import { type Folders, foldersOf } from '../workflow/folders.js';
import { type Config, systemUser } from './config.js';
import type { Environments } from './environments.js';
import { Grounds } from './grounds.js';
import { INSTALLATION, programsDigest, runtimeFiles, toolchains } from './installation.js';
import type { Models } from './models.js';
import { readPolicy } from './policies.js';
import { cargoRegistry, goProxy, npmRegistry, pythonIndex } from './registry.js';
import { tierOf } from './tier.js';

/** The one place that names concrete drivers. Opens the state of an installation and puts the application together. */
export async function openApp(config: Config, models: Models, environments: Environments, uid: number): Promise<App & AsyncDisposable> {
  const folders = foldersOf(config.home);
  await makeFolders(folders, uid);
  const policy = await readPolicy(config.policy);
  const known = [...config.secrets];
  let redactor = createRedactor({ known });
  const learn = (value: string): void => {
    known.push(value);
    redactor = createRedactor({ known });
  };
  const redact = (text: string): string => redactor.redact(text);
  const store = await openStore({
    home: config.home, connections: 4, ...(config.databaseUrl === null ? {} : { databaseUrl: config.databaseUrl }),
    owner: config.databaseUrl === null ? { argv: ownerArgv(config, uid), processes: { startDetached } } : null,
  });
  const artifacts = diskArtifacts(folders.artifacts);
  const log = createLog(store, artifacts, { redact, now: () => new Date(), keys: folders.keys });
  const owner = uid === 0 ? sandboxUser() : null;
  const grounds = new Grounds({ environments, home: config.userHome, path: config.path, root: imageOf(config.sandbox.image), driver: (root, tools, demands) => sandboxDriver({ ...config, sandbox: tierOf(config.sandbox, demands, engineInstalled('podman', 'runsc')) }, uid, root, tools) });
  const { driver } = await grounds.of({ rootfs: 'host-usr', toolchains: {} });
  return {
    store, log, artifacts, policy, folders, exceptions: config.allowHosts, principal: config.user, worker: newId('wrk'), cwd: process.cwd(),
    equipment: {
      log, artifacts, exclusively: (name, body, signal) => store.exclusively(name, body, signal), driver, ground: (spec, demands) => grounds.of(spec, demands), definition: (repository) => environments.definition(repository), seal: sealOf(folders.keys), servicePrograms: { postgres: findNative }, cacheLimit: config.cacheGib * 2 ** 30, baselineAge: config.baselineHours * 3_600_000, programs: programsDigest(), owner, folders, redact, policy: { name: policy.name, version: policy.version },
      registries: { npm: npmRegistry(config.userHome, config.path, learn), pypi: pythonIndex(config.userHome, config.path, config.pythonIndex, learn), go: goProxy(config.userHome, config.path, config.go, learn), cargo: cargoRegistry(config.cargo.home, config.cargo.registry, learn) },
      setupSecret: async (repository, name) => {
        const value = await environments.secret(repository, name);
        learn(value);
        return value;
      },
      fetching: { minimumAge: milliseconds(config.minimumAge), exceptions: config.allowHosts },
      modelKey: async (ref) => {
        const key = await models.key(ref);
        learn(key);
        return key;
      },
      price: (model) => models.price(model),
      advisories: advisoriesOf(config, folders),
    },
    detach: async (task) => void (await startDetached([process.execPath, join(INSTALLATION, 'dist/main/cli.js'), 'worker', task], join(folders.home, 'worker.log'), workerEnvironment(config, models, environments))),
    async [Symbol.asyncDispose]() {
      await grounds.close();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** What is kept for later runs is vouched for by the key of the log. */
function sealOf(keys: string): Seal {
  return {
    sign: async (type, payload) => signEnvelope(type, payload, (await loadLogKey(keys)).privateKey),
    open: async (type, envelope) => verifyEnvelope(envelope, type, (await loadLogKey(keys)).publicKey),
  };
}

/** The installation's advisories, read once a process. A URL is asked at most once a day; its copy is kept below the state directory. */
function advisoriesOf({ advisories }: Config, folders: Folders): () => Promise<AdvisorySet | null> {
  let loaded: Promise<AdvisorySet | null> | undefined;
  return () => (loaded ??= advisories === null ? Promise.resolve(null) : /^https?:/i.test(advisories) ? fromUrl(advisories, { cacheFolder: folders.advisories }) : fromFolder(advisories));
}

/** The sandbox driver alone, for `doctor` and for people who try it. */
export function sandboxDriver(config: Config, uid: number, root = imageOf(config.sandbox.image), tools: readonly Mount[] = toolchains(config.path)): SandboxDriver {
  const privilege: Privilege = uid === 0 ? { kind: 'root', ...sandboxUser() } : { kind: 'user' };
  const options = { folder: foldersOf(config.home).sandbox, privilege, runtime: runtimeFiles(), toolchains: tools, root, arch: process.arch === 'arm64' ? 'arm64' as const : 'x64' as const };
  const { driver, runtime, demanded } = config.sandbox;
  const made = driver === 'bwrap' ? createBwrapDriver(options) : createOciDriver({ ...options, engine: driver, ociRuntime: runtime });
  return demanded.length === 0 ? made : demanding(made, demanded);
}

function imageOf(image: string | null): RootImage {
  if (image === null) return { kind: 'host-usr' };
  return isAbsolute(image) ? { kind: 'dir', path: image } : { kind: 'image', ref: image };
}

/** Nobody else on the machine may read sources, bodies or the record. Only the way to the database's socket is open to pass. */
async function makeFolders(folders: Folders, uid: number): Promise<void> {
  await mkdir(folders.home, { recursive: true, mode: 0o711 });
  await chmod(folders.home, uid === 0 ? 0o711 : 0o700);
  for (const folder of [folders.mirrors, folders.trees, folders.snapshots, folders.runs, folders.sandbox]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
  }
}

function sandboxUser(): { readonly uid: number; readonly gid: number } {
  return mustUser('sallyport-sbx');
}

function mustUser(name: string): { readonly uid: number; readonly gid: number } {
  const user = systemUser(name);
  if (user === null) throw new SallyportError('sandbox.unavailable', `Root runs nothing as itself, and the system user "${name}" does not exist`, { hint: `npm run setup, or: useradd --system --user-group --no-create-home --shell /usr/sbin/nologin ${name}` });
  return user;
}

function ownerArgv(config: Config, uid: number): string[] {
  const dbUser = uid === 0 ? mustUser('sallyport-db') : null;
  return [process.execPath, join(INSTALLATION, 'dist/main/owner.js'), JSON.stringify({ home: config.home, native: findNative(), dbUser })];
}

/** A detached worker gets what it needs by name, and nothing else of this process. */
function workerEnvironment(config: Config, models: Models, environments: Environments): Record<string, string> {
  return {
    HOME: config.userHome, PATH: config.path, SALLYPORT_HOME: config.home, SALLYPORT_USER: config.user, SALLYPORT_ALLOW_HOSTS: config.allowHosts.join(','),
    ...(config.databaseUrl === null ? {} : { DATABASE_URL: config.databaseUrl }),
    ...(config.model === null ? {} : { SALLYPORT_MODEL: config.model.name, SALLYPORT_MODEL_URL: config.model.url }),
    ...(config.modelKey === null ? {} : { SALLYPORT_MODEL_KEY: config.modelKey }),
    ...(config.price === null ? {} : { SALLYPORT_MODEL_PRICE: `${config.price.input}/${config.price.output}` }),
    ...Object.fromEntries([...models.keyVariables(), ...environments.variables()].flatMap((name) => (models.variable(name) === undefined ? [] : [[name, models.variable(name) as string]]))),
    SALLYPORT_SANDBOX: config.sandbox.driver, SALLYPORT_SANDBOX_RUNTIME: config.sandbox.runtime, SALLYPORT_SANDBOX_DEMANDS: config.sandbox.demanded.join(','),
    ...(config.sandbox.image === null ? {} : { SALLYPORT_SANDBOX_IMAGE: config.sandbox.image }),
    ...(config.pythonIndex === null ? {} : { PIP_INDEX_URL: config.pythonIndex }), ...config.go, CARGO_HOME: config.cargo.home, ...(config.cargo.registry === null ? {} : { SALLYPORT_CARGO_REGISTRY: config.cargo.registry }),
    ...(config.advisories === null ? {} : { SALLYPORT_ADVISORIES: config.advisories }), SALLYPORT_CACHE_GIB: String(config.cacheGib), SALLYPORT_BASELINE_HOURS: String(config.baselineHours), SALLYPORT_MINIMUM_AGE: String(config.minimumAge),
    ...(config.policy === null ? {} : { SALLYPORT_POLICY: config.policy }),
    ...certificates(),
  };
}

/** A private certificate authority must be known to the worker too. */
function certificates(): Record<string, string> {
  const file = process.env['NODE_EXTRA_CA_CERTS'];
  return file === undefined ? {} : { NODE_EXTRA_CA_CERTS: file };
}
