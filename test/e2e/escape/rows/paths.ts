import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { showing, withOptions, writableAt } from '../defences.js';
import { perl, shell } from '../probe.js';
import type { Weakening } from '../weaken.js';
import { held, type Outcome, type Room, type Row, worked } from '../row.js';

/** Opens without writing, creating or truncating anything; then the opened file is closed again. */
const OPEN_TO_WRITE = "my @opened = grep { sysopen(my $f, $_, 1) } @ARGV; @opened ? worked(\"opened @opened\") : refused($ARGV[0]);";
const OPEN_TO_READ = "sysopen(my $f, $ARGV[0], 0) or refused($ARGV[0]); worked('opened for reading');";

function toWrite(path: string, seenIn: string): Row {
  return { id: `path.write ${path}`, group: 'paths', seenIn, attempt: (room) => perl(room, OPEN_TO_WRITE, [path]), control: { kind: 'b', without: writableAt(path) } };
}

/** Another file of the system: the control opens one that may be written, since nothing starts where these are replaced. */
function toWriteSystem(path: string): Row {
  return { id: `path.write ${path}`, group: 'paths', seenIn: 'codex linux-sandbox tests, a published CVE or incident', attempt: (room) => perl(room, OPEN_TO_WRITE, [path]), control: { kind: 'c', says: 'a file of the workspace opens', run: (room) => perl(room, OPEN_TO_WRITE, ['/workspace/a.txt']) } };
}

function toRead(path: string, seenIn: string): Row {
  return { id: `path.read ${path}`, group: 'paths', seenIn, attempt: (room) => perl(room, OPEN_TO_READ, [path]), control: { kind: 'b', without: writableAt(path) } };
}

/** What this kernel does not have cannot be attacked, and nothing can be put in its place in /proc. */
const had = (path: string): boolean => !path.startsWith('/proc/') || existsSync(path);
const KERNEL = ['/proc/sys/kernel/core_pattern', '/proc/sys/kernel/modprobe', '/proc/sys/kernel/poweroff_cmd', '/proc/sysrq-trigger', '/proc/sys/kernel/sysrq', '/proc/sys/kernel/randomize_va_space', '/proc/sys/vm/drop_caches', '/proc/sys/vm/overcommit_memory', '/proc/sys/fs/file-max', '/proc/irq/default_smp_affinity', '/sys/kernel/uevent_helper', '/sys/power/state', '/sys/kernel/debug/provoke-crash/DIRECT', '/sys/kernel/security/lockdown', '/sys/module/kvm/parameters/nx_huge_pages', '/sys/class/block/sda/uevent'];
const CGROUP = ['/sys/fs/cgroup/release_agent', '/sys/fs/cgroup/memory/release_agent', '/sys/fs/cgroup/devices/devices.allow', '/sys/fs/cgroup/cgroup.procs', '/sys/fs/cgroup/memory/memory.limit_in_bytes'];
const DEVICES = ['/dev/mem', '/dev/kmem', '/dev/port', '/dev/kmsg', '/dev/fuse', '/dev/kvm', '/dev/sda', '/dev/vda', '/dev/nvme0n1', '/dev/net/tun', '/dev/vsock', '/dev/vhost-vsock', '/dev/loop-control', '/dev/mapper/control', '/dev/uinput', '/dev/snapshot', '/dev/dri/card0', '/dev/userfaultfd', '/dev/tty1'];
const SYSTEM = ['/etc/passwd', '/etc/ld.so.preload', '/etc/profile', '/etc/cron.d/x', '/usr/bin/env', '/opt/sallyport/exec-server.cjs', '/opt/sallyport/probe.cjs', '/opt/sallyport/node'];

/** Secrets that a host has in homes, in /etc and in the state directory. Planted below the suite's folder, which stands for them. */
const SECRETS = ['home/.ssh/id_ed25519', 'home/.aws/credentials', 'home/.npmrc', 'home/.netrc', 'home/.config/gh/hosts.yml', 'home/.docker/config.json', 'home/.git-credentials', 'home/.sallyport/keys/log.pem', 'home/.sallyport/db/data/PG_VERSION'];
const WORD = 'a secret of the host';

function secret(path: string): Row {
  const at = (room: Room): string => join(room.folder, path);
  const attempt = async (room: Room): Promise<Outcome> => {
    mkdirSync(dirname(at(room)), { recursive: true });
    writeFileSync(at(room), `${WORD}\n`, { mode: 0o644 });
    return await shell(room, 'for at in "$1" "/proc/1/root$1" "/proc/self/root$1" "/workspace/../../../../../..$1" "/proc/1/cwd/../..$1"; do grep -s "a secret of the host" "$at" && echo "WORKED $at" && exit; done; echo HELD', [at(room)]);
  };
  return { id: `path.secret ${path}`, group: 'files', seenIn: 'sandbox-runtime tests, bubblewrap tests, RedCode-Exec', attempt, control: { kind: 'b', without: { says: 'the folder shown', args: (args, spec) => [...args.slice(0, args.lastIndexOf('--seccomp')), '--ro-bind', dirname(spec.workspace.lowers[0] ?? '/'), dirname(spec.workspace.lowers[0] ?? '/'), ...args.slice(args.lastIndexOf('--seccomp'))] } } };
}

/** Folders that must not take a new file, whatever it is called. */
function create(folder: string): Row {
  const script = 'if (: > "$1/escape-probe") 2>/dev/null; then rm -f "$1/escape-probe"; echo WORKED; else echo HELD; fi';
  return { id: `path.create in ${folder}`, group: 'files', seenIn: 'codex linux-sandbox tests, sandbox-runtime tests, RedCode-Exec', attempt: (room) => shell(room, script, [folder]), control: { kind: 'c', says: 'the workspace takes it', run: (room) => shell(room, script, ['/workspace']) } };
}

const UNIX = ['docker.sock', 'agent.sock', 'bus', 'X0', '.s.PGSQL.5432', 'owner.sock'] as const;

/** The canary sockets stand for those of the host; the well-known places are tried as well. */
function unixSocket(name: (typeof UNIX)[number], known: readonly string[]): Row {
  return {
    id: `path.socket ${name}`, group: 'sockets', seenIn: 'codex linux-sandbox tests, sandbox-runtime tests, CDK, deepce',
    attempt: async (room) => {
      const outcome = await perl(room, "use Socket; for (@ARGV) { socket(my $s, AF_UNIX, SOCK_STREAM, 0) or refused('socket'); connect($s, sockaddr_un($_)) and worked($_); } refused($ARGV[0]);", [join(room.outer.folder, name), ...known]);
      return outcome;
    },
    control: { kind: 'b', without: { says: 'the socket shown', args: (args, spec) => {
      const folder = dirname(dirname(spec.workspace.lowers[0] ?? '/'));
      return withOptions('', '--ro-bind', join(folder, name), join(folder, name)).args?.(args, spec) ?? args;
    } } },
  };
}

export const PATH_ROWS: readonly Row[] = [
  ...KERNEL.filter(had).map((p) => toWrite(p, 'CDK, deepce')),
  ...CGROUP.map((p) => toWrite(p, 'CDK, deepce, SandboxEscapeBench')),
  ...DEVICES.map((p) => toWrite(p, 'CDK, deepce, sandbox-runtime tests')),
  ...SYSTEM.filter((p) => !p.startsWith('/usr') && !p.startsWith('/opt')).map((p) => toWrite(p, 'codex linux-sandbox tests')),
  ...SYSTEM.filter((p) => p.startsWith('/usr') || p.startsWith('/opt')).map(toWriteSystem),
  toWriteSystem('/proc/sys/user/max_user_namespaces'),
  ...['/etc/shadow', '/proc/kcore', '/proc/kmsg', '/proc/vmallocinfo', '/proc/slabinfo', '/sys/firmware/efi/efivars/x'].filter(had).map((p) => toRead(p, 'sandbox-runtime tests, bubblewrap tests, RedCode-Exec')),
  ...SECRETS.map(secret),
  ...['/', '/etc', '/usr/bin', '/usr/lib', '/opt', '/opt/sallyport', '/dev', '/run', '/run/sallyport', '/home', '/proc', '/proc/sys/kernel', '/var/tmp', '/root'].map(create),
  unixSocket('docker.sock', ['/run/docker.sock', '/var/run/docker.sock', '/run/containerd/containerd.sock', '/run/podman/podman.sock', '/run/crio/crio.sock']),
  unixSocket('agent.sock', ['/tmp/ssh-agent', '/run/user/1000/keyring/ssh', '/run/user/0/gnupg/S.gpg-agent']),
  unixSocket('bus', ['/run/dbus/system_bus_socket', '/var/run/dbus/system_bus_socket', '/run/user/1000/bus', '/run/systemd/private']),
  unixSocket('X0', ['/tmp/.X11-unix/X0', '/run/user/1000/wayland-0']),
  unixSocket('.s.PGSQL.5432', ['/var/run/postgresql/.s.PGSQL.5432', '/tmp/.s.PGSQL.5432']),
  unixSocket('owner.sock', ['/run/sallyport/egress.sock', '/run/sallyport/owner.sock']),
  {
    id: 'path.host-folder-by-absolute-path', group: 'files', seenIn: 'codex linux-sandbox tests, sandbox-runtime tests, RedCode-Exec',
    attempt: async (room) => await written(room, (out) => shell(room, 'for at in "$1" "../../../../../../..$1" "/proc/1/root$1" "/proc/self/cwd/../..$1"; do echo x > "$at/planted"; done 2>/dev/null; echo HELD', [out])),
    control: { kind: 'b', without: out() },
  },
  {
    id: 'path.write-through-a-link', group: 'files', seenIn: 'sandbox-runtime tests, a published CVE or incident',
    attempt: async (room) => await written(room, (at) => shell(room, 'ln -s "$1" out; ln -s "$1/planted" file; echo x > out/planted; echo x > file; cp a.txt out/; echo HELD', [at])),
    control: { kind: 'b', without: out() },
  },
  {
    id: 'path.write-through-a-link-of-the-repository', group: 'files', seenIn: 'sandbox-runtime tests, a published CVE or incident',
    attempt: async (room) => await written(room, (at) => shell(room, 'mkdir -p deep/er; ln -s "../../../../../../..$1" deep/er/up; (cd deep/er && echo x > up/planted); tar -C /workspace -cf - a.txt | tar -C deep/er/up -xf -; echo HELD', [at])),
    control: { kind: 'b', without: out() },
  },
  {
    id: 'path.hard-link-to-a-program', group: 'files', seenIn: 'sandbox-runtime tests',
    attempt: (room) => perl(room, "link($ARGV[0], $ARGV[1]) ? worked('linked') : refused('link')", ['/usr/bin/passwd', '/workspace/linked']),
    control: { kind: 'c', says: 'within the workspace it can be linked', run: (room) => perl(room, "link($ARGV[0], $ARGV[1]) ? worked('linked') : refused('link')", ['/workspace/a.txt', '/workspace/linked']) },
  },
  {
    id: 'path.neighbour-files', group: 'files', seenIn: 'codex linux-sandbox tests',
    attempt: (room) => shell(room, 'grep -rs "$1" "$2" /tmp /dev/shm /home /workspace /proc/[0-9]*/environ /proc/[0-9]*/cmdline --exclude-dir=self -l 2>/dev/null | grep -v "^/proc" | grep . && echo WORKED || echo HELD', [room.neighbour.secret.slice(0, 20), room.neighbour.folder]),
    control: { kind: 'c', says: 'in the neighbour it is found', run: (room) => shell(room, 'grep -rs "$1" /tmp /workspace -l && echo WORKED || echo HELD', [room.neighbour.secret.slice(0, 20)], { in: room.neighbour.sandbox }) },
  },
  {
    id: 'path.left-by-the-task-before', group: 'files', seenIn: 'known technique',
    attempt: (room) => shell(room, LEFT), control: { kind: 'c', says: 'a file of that name is found', run: (room) => shell(room, `: > /tmp/left-by-task-before; ${LEFT}`) },
  },
  {
    id: 'path.base-tree-changed', group: 'files', seenIn: 'codex linux-sandbox tests',
    attempt: async (room) => {
      await shell(room, 'echo changed > dir/b.txt; chmod 777 dir/b.txt; rm -rf dir; mv writable gone; truncate -s 1000 gone; echo HELD');
      const lower = await listed(join(room.folder, 'lower'));
      return lower === 'a.txt:base\n|dir/b.txt:b\n|writable:' ? held('the base is as it was') : worked(`the base is ${lower}`);
    },
    control: { kind: 'c', says: 'the layer holds the change', run: async (room) => {
      await shell(room, 'echo changed > a.txt; echo HELD');
      return (await listed(join(room.layer, 'upper'))).includes('a.txt:changed') ? worked('the change is in the layer') : held('no change in the layer');
    } },
  },
  attribute('security.capability'), attribute('trusted.overlay.redirect'), attribute('security.ima'),
  redirect('redirect', 'made/b.txt'), redirect('metacopy', 'fake'),
  {
    id: 'path.device-node', group: 'files', seenIn: 'CDK, deepce, sandbox-runtime tests',
    attempt: (room) => perl(room, NODES, ['/workspace', 8, 0, 'b']), control: { kind: 'c', says: 'a FIFO can be made', run: (room) => perl(room, NODES, ['/workspace', 0, 0, 'p']) },
  },
  {
    id: 'path.whiteout-by-hand', group: 'files', seenIn: 'known technique', // device 0:0 is how the layer says "deleted"
    attempt: (room) => perl(room, NODES, ['/workspace', 0, 0, 'c']), control: { kind: 'c', says: 'a FIFO can be made', run: (room) => perl(room, NODES, ['/workspace', 0, 0, 'p']) },
  },
  {
    id: 'path.workspace-replaced', group: 'files', seenIn: 'codex linux-sandbox tests',
    attempt: (room) => perl(room, REPLACE, ['/workspace']), control: { kind: 'c', says: 'another folder can be replaced', run: (room) => perl(room, REPLACE, ['/workspace/fresh']) },
  },
];

// No ls: that of Debian 12 asks for what the gVisor of Debian 12 does not know.
const LEFT = 'for at in /tmp /home/agent /dev/shm /workspace /var/tmp; do [ -e $at/left-by-task-before ] && echo "WORKED $at" && exit; done; ipcs -m -q -s 2>/dev/null | grep -c "^0x" | grep -qv "^0$" && echo "WORKED ipc" || echo HELD';
const REPLACE = "chdir '/'; mkdir $ARGV[0]; rename($ARGV[0], '/tmp/moved') || rename($ARGV[0], '/workspace/moved') or refused('rename'); symlink('/etc', $ARGV[0]) ? worked('replaced') : refused('symlink');";
const NODES = 'use POSIX; my ($folder, $major, $minor, $kind) = @ARGV; my %mode = (b => 0060644, c => 0020644, p => 0010644); my $path = "$folder/node";\n' +
  `syscall(${process.arch === 'arm64' ? '33, -100, ' : '133, '}$path, $mode{$kind}, ($major << 8) | $minor) == 0 ? worked('made') : refused('mknod');`;

/** Sets an extended attribute that the kernel, overlayfs or a later copy would obey. */
function attribute(name: string): Row {
  const script = `my ($path, $name, $value) = ('/workspace/a.txt', $ARGV[0], $ARGV[1]); open(my $f, '>>', $path) or die; close $f; syscall(${process.arch === 'arm64' ? 5 : 188}, $path, $name, $value, length $value, 0) == 0 ? worked('set') : refused($name);`;
  return { id: `path.attribute ${name}`, group: 'files', seenIn: 'known technique', attempt: (room) => perl(room, script, [name, '/etc']), control: { kind: 'c', says: 'user.note can be set', run: (room) => perl(room, script, ['user.note', '/etc']) } };
}

/**
 * Marks of overlayfs in attributes that everybody may set. Where they were obeyed, the next sandbox over the layer would show another
 * folder or file of the lower layers in the place of what was written.
 */
function redirect(mark: 'redirect' | 'metacopy', shown: string): Row {
  const plant = `mkdir '/workspace/made'; open(my $f, '>', '/workspace/fake'); close $f; for my $mark ('redirect', 'metacopy', 'origin', 'opaque') { for my $at ('made', 'fake') { my ($path, $name, $value) = ("/workspace/$at", "user.overlay.$mark", $mark eq 'redirect' ? ($at eq 'made' ? '/dir' : '/a.txt') : ''); syscall(${process.arch === 'arm64' ? 5 : 188}, $path, $name, $value, length $value, 0); } } held('planted');`;
  const look = async (room: Room): Promise<Outcome> => await shell(room, `[ -s ${shown} ] && echo WORKED || echo HELD`, [], { in: await room.again() });
  return {
    id: `path.overlay-mark ${mark}`, group: 'files', seenIn: 'known technique', ends: true,
    attempt: async (room) => {
      await perl(room, plant);
      await room.sandbox.close();
      return await look(room);
    },
    control: { kind: 'c', says: 'a file that is really there is shown', run: async (room) => {
      await shell(room, 'mkdir made; cp dir/b.txt made/b.txt; cp a.txt fake; echo HELD');
      await room.sandbox.close();
      return await look(room);
    } },
  };
}

/** A host folder that everybody may write to, and whether something was written to it. */
async function written(room: Room, body: (folder: string) => Promise<Outcome>): Promise<Outcome> {
  const folder = join(room.folder, 'lower/../out');
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o777);
  const outcome = await body(join(room.folder, 'out'));
  const found = await readdir(folder);
  return found.length > 0 ? worked(`${found.join(', ')} came out`) : outcome;
}

/** The folder of `written`, shown writable. It has to be there when the sandbox starts. */
function out(): Weakening {
  return { says: 'the folder shown writable', args: (args, spec) => {
    const folder = join(dirname(spec.workspace.lowers[0] ?? '/'), 'out');
    mkdirSync(folder, { recursive: true, mode: 0o777 });
    return showing(folder, folder, true).args?.(args, spec) ?? args;
  } };
}

async function listed(folder: string): Promise<string> {
  const entries = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name)).sort();
  return (await Promise.all(entries.map(async (path) => `${path.slice(folder.length + 1)}:${await readFile(path, 'utf8')}`))).join('|');
}
