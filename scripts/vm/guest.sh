#!/bin/sh
# First program of the guest's user space, as root on the host's file system, which is read-only. Arguments: CHECKOUT NODE PART… Each part ends with
# a line "vm: PART: exit CODE" for the host. What is written lies in the guest's memory and vanishes with it.
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/tmp LANG=C.UTF-8
checkout=$1 node=$2
export NO_COLOR=1
shift 2

mount -t tmpfs -o mode=0755 tmpfs /run
mount -t tmpfs -o mode=0755,size=80% tmpfs /var/lib
mkdir -p /dev/shm /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t devpts devpts /dev/pts
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit
for module in overlay loop ext4; do modprobe $module || echo "vm: no module $module"; done
ip link set lo up
# A disk in memory: overlay needs a file system with extended attributes for what an ordinary user writes, and a tmpfs of this kernel has none.
truncate -s 3G /var/lib/disk && mkfs.ext4 -q -F /var/lib/disk && mount -o loop /var/lib/disk /tmp && chmod 1777 /tmp || exit
# Where everybody may read it, wherever it lies on the host; with a layer on top, since the test runner keeps notes beside its configuration.
over() { # FOLDER TARGET
  layer=$(mktemp -d /var/lib/layer.XXXXXX)
  mkdir "$layer/upper" "$layer/work"
  mount -t overlay -o "lowerdir=$1,upperdir=$layer/upper,workdir=$layer/work" overlay "$2"
}
mkdir /var/lib/checkout
over "$checkout" /var/lib/checkout || exit
over /etc /etc || exit # podman keeps a lock there
mkdir -p /var/lib/bin
touch /var/lib/bin/node
mount --bind "$node" /var/lib/bin/node || exit
export PATH="/var/lib/bin:$PATH"
cd /var/lib/checkout || exit
echo "vm: Linux $(uname -r), controllers: $(cat /sys/fs/cgroup/cgroup.controllers), node $(node --version), up $(cut -d. -f1 /proc/uptime) s"

# Nothing is written beside the configuration: this part of the file system is read-only, or another user's.
tests='node node_modules/vitest/vitest.mjs run --configLoader runner --config vitest.vm.config.ts'
# Groups that were made for sandboxes and are still there.
left() { find /sys/fs/cgroup -type d -name 'sallyport-*' ! -name sallyport-host; }
part() {
  name=$1
  shift
  "$@"
  code=$?
  if [ -n "$(left)" ]; then
    echo "vm: $name left groups: $(left)"
    code=1
  fi
  echo "vm: $name: exit $code"
}
# A group for an ordinary user, as systemd makes one for a unit with Delegate=yes; and its end, as systemd ends one whose last process has gone.
scope() {
  owner=$1
  shift
  at=/sys/fs/cgroup/test.scope
  echo '+cpu +memory +pids' > /sys/fs/cgroup/cgroup.subtree_control
  mkdir $at /tmp/home
  chown "$owner:$owner" /tmp/home
  chown "$owner:$owner" $at $at/cgroup.procs $at/cgroup.subtree_control $at/cgroup.threads
  (
    sh -c "echo \$PPID > $at/cgroup.procs"
    HOME=/tmp/home exec setpriv --reuid "$owner" --regid "$owner" --clear-groups "$@"
  )
  ended=$?
  rm -rf /tmp/home
  rmdir $at/sallyport-host 2>/dev/null
  rmdir $at || ended=1
  return $ended
}

for name in "$@"; do
  case $name in
    root) part root $tests test/sandbox/bwrap.test.ts test/sandbox/reap.test.ts ;;
    groups) part groups $tests test/sandbox/delegation.test.ts ;;
    user) part user scope 1000 $tests test/sandbox/bwrap.test.ts test/sandbox/delegation.test.ts ;;
    docker) part docker $tests test/oci/docker.test.ts ;;
    podman) part podman $tests test/oci/runc.test.ts ;;
    sh) part sh sh ;;
    *) part "$name" false ;;
  esac
done
