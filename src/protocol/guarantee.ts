import { z } from 'zod';

/**
 * What a sandbox driver can enforce. A driver reports the set that it *enforced*; a run demands a set; when one is missing
 * the run does not start.
 */
export const GUARANTEES = {
  no_route: 'Own network namespace with loopback only: nothing inside can reach another address.',
  no_host_files: 'Nothing of the host but the named read-only mounts is visible.',
  no_host_processes: 'Own process namespace: host processes cannot be seen or signalled.',
  not_root: 'No process inside runs with the host\'s uid 0, and no capability is held.',
  no_new_privileges: 'Set-uid programs give nothing; nested user namespaces are refused.',
  syscall_filter: 'A seccomp filter refuses dangerous system calls and every socket family but unix, IPv4 and IPv6.',
  dies_with_parent: 'Everything inside ends when the worker ends, also by SIGKILL.',
  read_only_root: 'Only the workspace, the home and /tmp can be written; the sizes of home and /tmp are bounded.',
  memory_limit: 'Memory of all processes inside is bounded together by a cgroup.',
  pids_limit: 'The number of processes and threads inside is bounded by a cgroup.',
  cpu_limit: 'CPU time of all processes inside is bounded by a cgroup.',
} as const;
export type Guarantee = keyof typeof GUARANTEES;
export const Guarantee = z.enum(Object.keys(GUARANTEES) as [Guarantee, ...Guarantee[]]);

/** Without these no phase that runs code of a repository starts, whatever the policy says. */
export const ALWAYS_DEMANDED: readonly Guarantee[] = [
  'no_route', 'no_host_files', 'no_host_processes', 'not_root', 'no_new_privileges', 'syscall_filter', 'dies_with_parent', 'read_only_root',
];
