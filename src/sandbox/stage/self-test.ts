import { readFile } from 'node:fs/promises';
import { toSallyportError, SallyportError } from '../../protocol/errors.js';
import { ALWAYS_DEMANDED, type Guarantee } from '../../protocol/guarantee.js';
import { newId } from '../../protocol/ids.js';
import { PROBE_ARGV, readProbes } from '../probes.js';
import type { DriverReport, MissingGuarantee, Sandbox, SandboxSpec } from '../sandbox.js';
import { LIMITS, missingLimits } from './cgroup.js';
import type { ExecAudit } from './exec-audit.js';
import type { SlotGround } from './slot.js';
import type { Maker } from './slots.js';

/** What a driver may lack and still be used, where nothing demands it. */
export const OPTIONAL: readonly Guarantee[] = [...LIMITS, 'disk_limit', 'exec_audit', 'sealed_server'];
/** MiB of the self-test's workspace, and what it tries to write there. */
const [DISK, TOO_MUCH] = [16, 24];
const PERL = '/opt/sallyport/perl';
/** For each of its commands. Most take some hundredths of a second; a machine that is slow or busy is not one that does not hold. */
const PATIENCE_MS = 60_000;
const FILL = `open my $f, '>', '/workspace/.fill' or die; my $b = "\\0" x 1048576; for (1 .. ${TOO_MUCH}) { my $n = syswrite $f, $b; if (!defined $n) { print $!; last } } close $f; unlink '/workspace/.fill'`;
/** A server that can be read is one whose memory the code inside can open. */
const SEALED = String.raw`sub of { open my $f, '<', $_[0] or return; local $/; <$f> } opendir my $all, '/proc' or die; for my $p (map { "/proc/$_" } grep { /^[0-9]+$/ } readdir $all) { next unless (of("$p/cmdline") // '') =~ m{^/opt/sallyport/node\0.*exec-server}s; exit 1 if open my $read, '<', "$p/environ"; print 'sealed'; exit }`;

type Open = (make: Maker, spec: SandboxSpec, enforced: readonly Guarantee[]) => Promise<Sandbox>;

/**
 * Opens a real sandbox, lets the probe program look for a way out and tries what is bounded. Everything that is reported was seen to hold;
 * what every run needs and does not hold throws `sandbox.unavailable`. Where a disk limit cannot be had it goes on without, and says so.
 */
export async function selfTest(bare: SlotGround, follow: (() => Promise<ExecAudit>) | null, makerOf: (ground: SlotGround) => Maker, lower: string, open: Open): Promise<{ readonly make: Maker; readonly report: DriverReport }> {
  let audit: ExecAudit | null = null;
  let unseen: string | null = follow === null ? 'the kernel\'s trace shows it to root only, and never what runs on a second kernel' : null;
  try {
    audit = (await follow?.()) ?? null;
  } catch (error) {
    unseen = toSallyportError(error).message;
  }
  try {
    return await testWith({ ...bare, audit }, unseen, makerOf, lower, open);
  } catch (error) {
    await audit?.close();
    throw error;
  }
}

async function testWith(ground: SlotGround, noAudit: string | null, makerOf: (ground: SlotGround) => Maker, lower: string, open: Open): Promise<{ readonly make: Maker; readonly report: DriverReport }> {
  let unseen = noAudit;
  let make = makerOf(ground);
  let disk = missingDisk(ground.images ? null : 'disk images need root');
  let sandbox: Sandbox;
  try {
    sandbox = await open(make, specOf(lower), []);
  } catch (thrown) {
    const error = toSallyportError(thrown);
    if (!ground.images || !/loop|ext4|mke2fs|disk image/i.test(error.message)) throw error;
    disk = missingDisk(error.message, error.hint);
    make = makerOf({ ...ground, images: false });
    sandbox = await open(make, specOf(lower), []);
  }
  await using held = sandbox;
  const missing: MissingGuarantee[] = [...missingLimits(ground.cgroups)];
  const probes = readProbes(await held.exec({ argv: PROBE_ARGV, timeout: PATIENCE_MS, maxOutput: 100_000 }));
  const failed = probes.filter((p) => !p.ok);
  if (failed.length > 0) throw new SallyportError('sandbox.unavailable', `The sandbox does not hold: ${failed.map((p) => `${p.id}: ${p.detail}`).join('; ')}`);
  if (disk.length === 0 && !(await says(held, FILL, /No space left on device/))) disk = missingDisk(`${TOO_MUCH} MiB could be written to a workspace of ${DISK} MiB`);
  if (!(await says(held, SEALED, /^sealed$/m))) {
    missing.push({ guarantee: 'sealed_server', why: 'code inside can open the memory of the exec server, which runs as the same user', hint: 'Set SALLYPORT_HOME to a folder on a file system that keeps permissions: the server\'s copy of Node there may be read by nobody.' });
  }
  missing.push(...disk);
  // The kernel inside tells of itself, before anything hostile is there to answer in its place.
  const [inside, host] = [await output(held, 'open my $f, "<", "/proc/version" or die; print <$f>'), (await readFile('/proc/version', 'utf8')).trim()];
  const second: Guarantee[] = inside === '' || inside === host ? [] : ['second_kernel'];
  held.executed(); // what was started so far
  await held.exec({ argv: [PERL, '-e', `system { '${PERL}' } '${PERL}', '-e', '1'`], bare: true, timeout: PATIENCE_MS, maxOutput: 1000 });
  if (ground.audit !== null && held.executed()?.programs.filter((p) => p.path === PERL).length !== 2) unseen = 'the kernel\'s trace did not show a program that was started';
  if (unseen !== null) missing.push({ guarantee: 'exec_audit', why: unseen, hint: 'Run as root on a kernel with tracefs and CONFIG_FTRACE, in the first process namespace.' });
  missing.sort((a, b) => OPTIONAL.indexOf(a.guarantee) - OPTIONAL.indexOf(b.guarantee)); // one order, on the screen and on the log
  const lacking = new Set(missing.map((m) => m.guarantee));
  return { make, report: { driver: ground.wall.name, enforced: [...ALWAYS_DEMANDED, ...OPTIONAL.filter((g) => !lacking.has(g)), ...second], missing } };
}

function specOf(lower: string): SandboxSpec {
  return {
    id: newId('sb'), phase: 'probe', demanded: [], workspace: { lowers: [lower], layer: null, fresh: true }, mounts: [], egressSocket: null, scratch: null,
    limits: { memory: 512, pids: 64, cpus: 1, disk: DISK }, variables: {},
  };
}

async function says(sandbox: Sandbox, script: string, what: RegExp): Promise<boolean> {
  return what.test(await output(sandbox, script));
}

async function output(sandbox: Sandbox, script: string): Promise<string> {
  const result = await sandbox.exec({ argv: [PERL, '-e', script], timeout: PATIENCE_MS, maxOutput: 10_000 });
  return result.stdout.toString('utf8').trim();
}

function missingDisk(why: string | null, hint = 'Run as root on a machine with loop devices and e2fsprogs. Without it only the size of one file is bounded.'): MissingGuarantee[] {
  return why === null ? [] : [{ guarantee: 'disk_limit', why, hint }];
}
