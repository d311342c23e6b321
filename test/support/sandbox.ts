import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { signEnvelope, verifyEnvelope } from '../../src/attest/dsse.js';
import { runtimeFiles } from '../../src/main/installation.js';
import { createBwrapDriver } from '../../src/sandbox/bwrap/driver.js';
import type { Privilege } from '../../src/sandbox/stage/stage.js';
import type { StageOptions } from '../../src/sandbox/stage/driver.js';
import { type Owner, removeTree } from '../../src/sandbox/layer.js';
import type { Services } from '../../src/setup/services.js';
import type { Seal } from '../../src/setup/seal.js';
import type { SandboxDriver } from '../../src/sandbox/sandbox.js';

export const ROOT = resolve(import.meta.dirname, '../..');

/** The privilege of this test run: root uses the system user that set-up made. */
export function testPrivilege(): Privilege {
  if (process.getuid?.() !== 0) return { kind: 'user' };
  const line = readFileSync('/etc/passwd', 'utf8').split('\n').find((l) => l.startsWith('sallyport-sbx:'));
  if (line === undefined) throw new Error('the set-up script has not made the user sallyport-sbx');
  const [, , uid, gid] = line.split(':');
  return { kind: 'root', uid: Number(uid), gid: Number(gid) };
}

/** A scratch folder that every uid can reach, removed by the caller. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-test-'));
  chmodSync(folder, 0o755);
  return folder;
}

export function remove(folder: string): Promise<void> {
  return removeTree(folder);
}

export function testOwner(): Owner {
  const privilege = testPrivilege();
  return privilege.kind === 'root' ? privilege : null;
}

export function testDriver(folder: string, privilege: Privilege = testPrivilege()): SandboxDriver {
  if (!existsSync(join(ROOT, 'dist/inside/exec-server.cjs'))) throw new Error('dist/ is not built: npm run build');
  return watched(createBwrapDriver(driverOptions(folder, privilege)));
}

export function driverOptions(folder: string, privilege: Privilege = testPrivilege()): StageOptions {
  return { folder, privilege, toolchains: [], arch: process.arch === 'arm64' ? 'arm64' : 'x64', runtime: runtimeFiles() };
}

/** The driver, with the ids of its sandboxes noted for `leftovers`. */
export function watched(driver: SandboxDriver): SandboxDriver {
  return {
    name: driver.name, probe: () => driver.probe(), reap: (ids) => driver.reap(ids), sweep: () => driver.sweep(),
    open: (spec) => {
      opened.add(spec.id);
      return driver.open(spec);
    },
    once: (spec, request) => {
      opened.add(spec.id);
      return driver.once(spec, request);
    },
    close: () => driver.close(),
  };
}

/** An environment without services. */
export const NO_SERVICES: Services = { mounts: [], variables: {}, start: async () => undefined };

/** A seal with a key of its own. */
export function testSeal(): Seal {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { sign: async (type, payload) => signEnvelope(type, payload, privateKey), open: async (type, envelope) => verifyEnvelope(envelope, type, publicKey) };
}

/** Ids of the sandboxes of this test file: other files, and other runs on this machine, have theirs open at the same time. */
const opened = new Set<string>();

/** A folder owned by what runs inside, with these files. */
export function tree(folder: string, files: Readonly<Record<string, string>>, privilege: Privilege = testPrivilege()): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  if (privilege.kind === 'root') execFileSync('/bin/chown', ['-Rh', `${privilege.uid}:${privilege.gid}`, folder]);
  return folder;
}

/** Cgroups of sandboxes by their ids, wherever this machine's driver makes them. */
export function cgroupsOf(sandboxes: readonly string[]): string[] {
  const names = new Set(sandboxes.map((id) => `sallyport-${id}`));
  return lines('find /sys/fs/cgroup -type d -name "sallyport-*" 2>/dev/null || true').filter((path) => names.has(basename(path)));
}

/** Processes, mounts and cgroups of this test file's sandboxes: must be the same before and after. */
export function leftovers(): { mounts: string[]; cgroups: string[]; bwraps: string[] } {
  return {
    mounts: lines('grep -c sallyport /proc/mounts || true').filter((n) => n !== '0'),
    cgroups: cgroupsOf([...opened]),
    // The outer bwrap is a child of this process; what is inside ends with it, or is adopted and then shows in a cgroup that cannot be removed.
    bwraps: readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isOwnBwrap(pid)),
  };
}

function lines(script: string): string[] {
  return execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' }).split('\n').filter((l) => l !== '');
}

function isOwnBwrap(pid: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) === '/usr/bin/bwrap' && new RegExp(`^PPid:\\s${process.pid}$`, 'm').test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false; // a thread of the kernel, another user's, or gone
  }
}
