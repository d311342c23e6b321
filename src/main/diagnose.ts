import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BLIND_HINT, blindRoot } from '../store/postmaster.js';
import { toSallyportError } from '../protocol/errors.js';
import { gitVersion } from '../git/command.js';
import { run } from '../process/spawn.js';
import { newId } from '../protocol/ids.js';
import { engineInstalled } from '../sandbox/oci/driver.js';
import { PROBE_ARGV, type ProbeResult, readProbes } from '../sandbox/probes.js';
import type { DriverReport } from '../sandbox/sandbox.js';
import type { Finding } from '../cli/surface.js';
import { sandboxDriver } from './compose.js';
import type { Config, SandboxChoice } from './config.js';
import type { Environments } from './environments.js';
import { toolchains } from './installation.js';
import { MODEL_HINT, type Models } from './models.js';
import { findToolchains, TOOL_NAMES } from './toolchains.js';

const NEEDED: readonly (readonly [string, string, string])[] = [
  ['bubblewrap', '/usr/bin/bwrap', 'apt-get install bubblewrap'], ['unshare', '/usr/bin/unshare', 'apt-get install util-linux'],
  ['setpriv', '/usr/bin/setpriv', 'apt-get install util-linux'], ['flock', '/usr/bin/flock', 'apt-get install util-linux'], ['perl', '/usr/bin/perl', 'apt-get install perl-base'],
];

/** Looks at everything that a run needs on this machine. The sandbox is judged by running one. */
export async function diagnose(config: Config, models: Models, environments: Environments, uid: number): Promise<{ readonly findings: readonly Finding[]; readonly sandbox: DriverReport | null }> {
  const findings: Finding[] = [
    { id: 'node', ok: true, needed: true, detail: `${process.version} runs Sallyport`, hint: null },
    ...NEEDED.map(([id, file, hint]) => ({ id, ok: existsSync(file), needed: true, detail: existsSync(file) ? file : `${file} is missing`, hint: existsSync(file) ? null : hint })),
    await git(config),
    await version('npm', ['npm', '--version'], config, false, 'Needed to fetch the dependencies of npm projects'),
    toolchain(config), ...(await tools(config, environments)), state(config, uid), model(models),
  ];
  try {
    const driver = sandboxDriver(config, uid);
    const sandbox = await driver.probe();
    await driver.close();
    findings.push({ id: 'sandbox', ok: true, needed: true, detail: `${sandbox.driver} holds: ${sandbox.enforced.length} guarantees, found by running`, hint: null });
    for (const m of sandbox.missing) findings.push({ id: m.guarantee, ok: false, needed: false, detail: m.why, hint: m.hint });
    findings.push(...(await others(config, uid)));
    return { findings, sandbox };
  } catch (thrown) {
    const error = toSallyportError(thrown);
    findings.push({ id: 'sandbox', ok: false, needed: true, detail: error.message, hint: error.hint ?? null });
    return { findings, sandbox: null };
  }
}

/** The drivers that could be chosen here instead: those whose programs are installed, judged by running them. */
async function others(config: Config, uid: number): Promise<Finding[]> {
  const containers = (['podman', 'docker'] as const).flatMap((driver) => (['runc', 'crun', 'runsc'] as const).map((runtime) => ({ ...PLAIN, driver, runtime })));
  const choices: readonly SandboxChoice[] = [{ ...PLAIN, driver: 'bwrap' }, ...containers];
  const findings: Finding[] = [];
  for (const sandbox of choices) {
    const { driver: kind, runtime } = sandbox;
    if (kind === config.sandbox.driver && (kind === 'bwrap' || runtime === config.sandbox.runtime)) continue;
    if (kind !== 'bwrap' && (uid !== 0 || !engineInstalled(kind, runtime))) continue;
    const id = kind === 'bwrap' ? 'bwrap' : `${kind}+${runtime}`;
    const chosen = kind === 'bwrap' ? 'SALLYPORT_SANDBOX=bwrap' : `SALLYPORT_SANDBOX=${kind} SALLYPORT_SANDBOX_RUNTIME=${runtime}`;
    try {
      const driver = sandboxDriver({ ...config, sandbox }, uid);
      const { enforced } = await driver.probe().finally(() => driver.close());
      findings.push({ id, ok: true, needed: false, detail: `holds too: ${enforced.length} guarantees${enforced.includes('second_kernel') ? ', second_kernel among them' : ''} (${chosen})`, hint: null });
    } catch (thrown) {
      const error = toSallyportError(thrown);
      findings.push({ id, ok: false, needed: false, detail: error.message, hint: error.hint ?? null });
    }
  }
  return findings;
}

const PLAIN = { runtime: 'runc', image: null, demanded: [] } as const;

/** Looks for a way out of a real sandbox with an empty workspace. */
export async function probeSandbox(config: Config, uid: number): Promise<{ readonly report: DriverReport; readonly probes: readonly ProbeResult[] }> {
  const driver = sandboxDriver(config, uid);
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-probe-'));
  try {
    await chmod(folder, 0o755);
    const report = await driver.probe();
    const { result } = await driver.once({
      id: newId('sb'), phase: 'probe', demanded: [], workspace: { lowers: [folder], layer: null }, mounts: [], egressSocket: null, scratch: null, limits: { memory: 512, pids: 64, cpus: 1 }, variables: {},
    }, { argv: PROBE_ARGV, timeout: 20_000, maxOutput: 100_000 });
    return { report, probes: readProbes(result) };
  } finally {
    await driver.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function version(id: string, argv: readonly string[], config: Config, needed: boolean, hint: string): Promise<Finding> {
  try {
    const result = await run(argv, { env: { PATH: config.path, HOME: '/nonexistent' }, timeout: 15_000 });
    return { id, ok: result.exit === 0, needed, detail: result.stdout.toString('utf8').trim().split('\n')[0] ?? '', hint: result.exit === 0 ? null : hint };
  } catch {
    return { id, ok: false, needed, detail: 'not found', hint };
  }
}

async function git(config: Config): Promise<Finding> {
  const found = await gitVersion(config.path);
  return { id: 'git', ok: found !== null, needed: true, detail: found ?? 'not found', hint: found === null ? 'apt-get install git' : null };
}

function toolchain(config: Config): Finding {
  const [mount] = toolchains(config.path);
  return { id: 'toolchain', ok: true, needed: false, detail: mount === undefined ? 'projects use the Node of /usr' : `projects use the Node of ${mount.source}, shown at ${mount.target}`, hint: null };
}

/** Every version that an environment can ask for, by tool: what is in a home is named too, since a sandbox sees it only when it is asked for. */
async function tools(config: Config, environments: Environments): Promise<Finding[]> {
  const found = await Promise.all(TOOL_NAMES.map(async (tool) => [tool, await findToolchains(tool, config.userHome, environments.toolchains(tool))] as const));
  return [{
    id: 'toolchains', ok: true, needed: false, hint: null,
    detail: found.filter(([, all]) => all.length > 0).map(([tool, all]) => `${tool} ${all.map((t) => `${t.version} (${t.folder ?? '/usr'})`).join(', ')}`).join('; ') || 'none found',
  }];
}

function state(config: Config, uid: number): Finding {
  const blind = config.databaseUrl === null && uid === 0 ? blindRoot(readFileSync('/proc/self/status', 'utf8')) : null;
  if (blind !== null) return { id: 'state', ok: false, needed: true, detail: `${config.home}, embedded PostgreSQL: ${blind}`, hint: BLIND_HINT };
  return { id: 'state', ok: true, needed: true, detail: `${config.home}${config.databaseUrl === null ? ', embedded PostgreSQL' : ', PostgreSQL by DATABASE_URL'}`, hint: null };
}

function model(models: Models): Finding {
  const known = models.list();
  const chosen = known.find((m) => m.default);
  const detail = known.length === 0 ? 'none: `run` and `ask` need one' : `${known.length} known${chosen === undefined ? ', none is the default' : `; default ${chosen.model}`} (sallyport models list)`;
  return { id: 'model', ok: known.length > 0, needed: false, detail, hint: known.length === 0 ? MODEL_HINT : null };
}
