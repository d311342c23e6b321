// npm run test:vm [-- PART …]: the sandbox's limits on a machine that has nothing but cgroup v2, which this one need not have. Boots Debian's kernel in qemu, without
// KVM, on this machine's own file system, read-only; see scripts/vm/guest.sh for the parts. Nothing is mounted here, the guest has no network, and what it writes lies in its memory.
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const PARTS = ['root', 'groups', 'user'];
const PACKAGES = { '/usr/bin/qemu-system-x86_64': 'qemu-system-x86', '/usr/bin/busybox': 'busybox-static', '/usr/sbin/modprobe': 'kmod', '/usr/sbin/mkfs.ext4': 'e2fsprogs', '/usr/bin/setpriv': 'util-linux' };
/** What the guest needs before it sees the host's files; it loads the rest itself. */
const MODULES = ['virtio_pci', '9pnet_virtio', '9p'];
const MINUTES = 45;

const say = (line) => process.stdout.write(`vm: ${line}\n`);
const skip = (why) => {
  say(`skipped: ${why}`);
  process.exit(0);
};

/** The newest Debian kernel with its modules. */
function kernel() {
  const versions = existsSync('/boot') ? readdirSync('/boot').filter((name) => name.startsWith('vmlinuz-')).map((name) => name.slice('vmlinuz-'.length)) : [];
  return versions.filter((version) => existsSync(`/lib/modules/${version}/modules.dep`)).sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
}

function install() {
  const missing = [...Object.entries(PACKAGES).filter(([file]) => !existsSync(file)).map(([, name]) => name), ...(kernel() === undefined ? ['linux-image-amd64'] : [])];
  if (missing.length === 0) return;
  const command = ['apt-get', 'install', '-y', '--no-install-recommends', ...missing];
  if (process.getuid?.() !== 0 || process.env.SALLYPORT_NO_INSTALL === '1') skip(`missing Debian packages. As root: ${command.join(' ')}`);
  say(`installing Debian packages: ${missing.join(' ')}`);
  const call = (argv) => spawnSync(argv[0], argv.slice(1), { stdio: ['ignore', 2, 2], timeout: 900_000, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }).status === 0;
  if (!call(command) && !(call(['apt-get', 'update']) && call(command))) skip(`this did not work: ${command.join(' ')}`);
}

/** Files of these modules and of what they need, in the order in which they are loaded. */
function modulesOf(version) {
  const folder = `/lib/modules/${version}`;
  const needs = new Map(readFileSync(`${folder}/modules.dep`, 'utf8').split('\n').filter((line) => line.includes(':')).map((line) => {
    const [path, rest] = line.split(':');
    return [path, rest.trim().split(/\s+/).filter((p) => p !== '')];
  }));
  const nameOf = (path) => basename(path).replace(/\.ko.*$/, '').replaceAll('-', '_');
  const wanted = [];
  for (const name of MODULES) {
    const path = [...needs.keys()].find((p) => nameOf(p) === name.replaceAll('-', '_'));
    if (path === undefined) continue; // built into the kernel
    // modules.dep names what a module needs with the deepest last.
    for (const file of [...needs.get(path)].reverse().concat(path)) if (!wanted.includes(file)) wanted.push(file);
  }
  return wanted.map((path) => join(folder, path));
}

/** A file system in memory that mounts the host's and goes there. */
function initramfs(folder, version, guest) {
  const root = join(folder, 'root');
  for (const name of ['bin', 'dev', 'proc', 'sys', 'mnt', 'modules']) mkdirSync(join(root, name), { recursive: true });
  copyFileSync('/usr/bin/busybox', join(root, 'bin/busybox'));
  const names = modulesOf(version).map((path) => {
    const name = basename(path).replace(/\.xz$/, '');
    if (path.endsWith('.xz')) writeFileSync(join(root, 'modules', name), spawnSync('xz', ['-dc', path], { maxBuffer: 1 << 28 }).stdout);
    else copyFileSync(path, join(root, 'modules', name));
    return name;
  });
  writeFileSync(join(root, 'init'), `#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc; $b mount -t sysfs sys /sys; $b mount -t devtmpfs dev /dev
for m in ${names.join(' ')}; do $b insmod /modules/$m || echo "vm: insmod $m failed"; done
$b mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=1048576 host /mnt || $b poweroff -f
for d in proc sys dev; do $b mount --move /$d /mnt/$d; done
$b cp $b /mnt/dev/busybox
echo '${guest.map((word) => `"${word}"`).join(' ')} 2>&1 | cat; /dev/busybox poweroff -f' > /mnt/dev/guest
exec $b switch_root /mnt /bin/sh /dev/guest
`, { mode: 0o755 });
  const packed = spawnSync('/bin/sh', ['-c', 'cd "$1" && find . | busybox cpio -o -H newc | gzip -1 > "$2"', 'sh', root, join(folder, 'initrd.gz')], { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  if (packed.status !== 0) throw new Error(`cannot pack the initramfs: ${packed.stderr}`);
  return join(folder, 'initrd.gz');
}

/** Boots, prints what the guest says, and gives the exit code of each part. */
async function boot(folder, version, guest) {
  const argv = [
    '-M', 'q35', '-cpu', 'max', '-smp', '2', '-m', '6G', '-accel', 'tcg,thread=multi', '-nodefaults', '-nic', 'none', '-display', 'none', '-serial', 'stdio', '-no-reboot',
    '-kernel', `/boot/vmlinuz-${version}`, '-initrd', initramfs(folder, version, guest), '-append', 'console=ttyS0 quiet panic=-1 mitigations=off',
    '-virtfs', 'local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap',
  ];
  const codes = new Map();
  const child = spawn('/usr/bin/qemu-system-x86_64', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const late = setTimeout(() => child.kill('SIGKILL'), MINUTES * 60_000);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => child.kill('SIGKILL'));
  const ended = new Promise((resolve) => child.once('close', resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    process.stdout.write(`${line}\n`);
    const [, part, code] = /^vm: ([\w-]+): exit (\d+)\s*$/.exec(line) ?? [];
    if (part !== undefined) codes.set(part, Number(code));
  }
  await ended;
  clearTimeout(late);
  return codes;
}

if (process.platform !== 'linux' || process.arch !== 'x64') skip('for Linux on x64 only');
install();
const parts = process.argv.length > 2 ? process.argv.slice(2) : PARTS;
if (parts.some((part) => !/^[\w-]+$/.test(part))) throw new Error('a part is a name of scripts/vm/guest.sh');
if (/["'$`\\]/.test(ROOT)) throw new Error('the path of the checkout may not hold quotes');
const folder = mkdtempSync(join(tmpdir(), 'sallyport-vm-'));
try {
  const codes = await boot(folder, kernel(), ['/bin/sh', join(ROOT, 'scripts/vm/guest.sh'), ROOT, realpathSync(process.execPath), ...parts]);
  const wrong = parts.filter((part) => codes.get(part) !== 0);
  say(parts.map((part) => `${part} ${codes.get(part) === 0 ? 'passed' : `failed (${codes.get(part) ?? 'did not end'})`}`).join(', '));
  process.exitCode = wrong.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
