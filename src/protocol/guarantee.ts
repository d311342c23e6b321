import { z } from 'zod';

/**
 * What a sandbox driver can enforce. A driver reports the set that it *enforced*; a run demands a set; when one is missing
 * the run does not start.
 */
export const GUARANTEES = {
  no_route: 'Own network namespace with loopback only: nothing inside can reach another address.',
  no_dns: 'No name can be resolved: there is no resolver inside and no way to one.',
  no_vsock: 'No socket to a hypervisor or its other guests, which network namespaces do not hold back.',
  no_host_files: 'Nothing of the host but the named read-only mounts is visible.',
  no_host_processes: 'Own process namespace: host processes cannot be seen or signalled.',
  not_root: 'No process inside runs with the host\'s uid 0.',
  no_capabilities: 'No capability is held, permitted, inheritable, ambient or in the bounding set.',
  no_new_privileges: 'Set-uid programs give nothing; nested user namespaces are refused.',
  syscall_filter: 'A seccomp filter refuses dangerous system calls and every socket family but unix, IPv4 and IPv6.',
  dies_with_parent: 'Everything inside ends when the worker ends, also by SIGKILL.',
  read_only_root: 'Only the workspace, the home and /tmp can be written; the sizes of home and /tmp are bounded.',
  memory_limit: 'Memory of all processes inside is bounded together by a cgroup.',
  pids_limit: 'The number of processes and threads inside is bounded by a cgroup.',
  cpu_limit: 'CPU time of all processes inside is bounded by a cgroup.',
  disk_limit: 'What is written to the workspace is bounded: it lies in a file system of its own, of that size.',
  exec_audit: 'Every program that is started inside is listed by the kernel, unseen and unforgeable from inside.',
  second_kernel: 'What runs inside asks a kernel of its own (gVisor); a flaw of the host\'s kernel alone is no way out.',
  sealed_server: 'Code inside cannot open the memory, environment or descriptors of the exec server.',
} as const;
export type Guarantee = keyof typeof GUARANTEES;
export const Guarantee = z.enum(Object.keys(GUARANTEES) as [Guarantee, ...Guarantee[]]);

/** Without these no phase that runs code of a repository starts, whatever the policy says. */
export const ALWAYS_DEMANDED: readonly Guarantee[] = [
  'no_route', 'no_dns', 'no_vsock', 'no_host_files', 'no_host_processes', 'not_root', 'no_capabilities', 'no_new_privileges', 'syscall_filter', 'dies_with_parent', 'read_only_root',
];
