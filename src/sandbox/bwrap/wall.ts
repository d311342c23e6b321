import { FD } from '../stage/inside.js';
import { layFields, type Root, SKELETON } from '../stage/root.js';
import type { Wall } from '../stage/stage.js';
import { type Arch, seccompFilter } from '../seccomp.js';
import { bwrapArgs } from './args.js';
import { explain } from './explain.js';

/** The last act before bwrap is to give up root for good. bwrap reads its options and the filter from descriptors. */
const BECOME = String.raw`if ($uid ne '-') {
  must('setgroups', syscall($SETGROUPS + 0, 0, 0));
  must('setresgid', syscall($SETRESGID + 0, $gid + 0, $gid + 0, $gid + 0));
  must('setresuid', syscall($SETRESUID + 0, $uid + 0, $uid + 0, $uid + 0));
}
exec { $rest[0] } @rest or die "exec: $rest[0]: $!\n";`;

const LAY = `my ($roots, $count) = splice @rest, 0, 2;
lay($egress, $roots, splice @rest, 0, $count);
`;

/** bubblewrap behind the layout. */
export function bwrapWall(arch: Arch, root: Root): Wall {
  const own = root.kind !== 'host-usr';
  const argv = (command: readonly string[]): string[] => ['/usr/bin/bwrap', '--args', String(FD.args), '--', ...command];
  return {
    name: 'bwrap', entry: '/usr/bin/bwrap', stdio: false, depth: null, overhead: () => ({ memory: 0, pids: 0 }),
    program: own ? { first: SKELETON, last: `${LAY}${BECOME}` } : { first: '', last: BECOME },
    fields: (spec, _stage, command) => [...(own ? layFields(root, spec.mounts.map((m) => m.target)) : []), ...argv(command)],
    feed: (spec, stage, _command, once) => ({ args: `${bwrapArgs(spec, stage, own, once).join('\0')}\0`, seccomp: seccompFilter(arch) }),
    explain,
  };
}
