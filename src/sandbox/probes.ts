import { z } from 'zod';
import { SallyportError } from '../protocol/errors.js';
import type { ExecResult } from './sandbox.js';

/** What the probe program is started with; it looks for a way out from inside (docs/threat-model.md). */
export const PROBE_ARGV: readonly string[] = ['/opt/sallyport/node', '/opt/sallyport/probe.cjs'];

export interface ProbeResult {
  readonly id: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** The probes that must all be there; a report that lacks one is a failure, not a pass. */
export const PROBES = ['interfaces', 'routes', 'tcp', 'udp', 'dns', 'metadata', 'ipv6', 'capabilities', 'no_new_privs', 'seccomp', 'descriptors', 'core_pattern', 'root_read_only', 'user_namespace', 'vsock', 'packet', 'raw', 'netlink_audit', 'netlink_route', 'unix', 'abstract', 'unix_names'] as const;

const Report = z.array(z.strictObject({ id: z.string().max(40), ok: z.boolean(), detail: z.string().max(500) })).max(100);

/** Reads the probe program's report. Throws `sandbox.failed` when it did not finish or left a probe out. */
export function readProbes(result: ExecResult): ProbeResult[] {
  let value: unknown;
  try {
    value = JSON.parse(result.stdout.toString('utf8'));
  } catch {
    throw new SallyportError('sandbox.failed', `The probe program did not finish (${result.reason}, exit ${result.exit}): ${result.stderr.toString('utf8').slice(-500)}`);
  }
  const probes = Report.parse(value);
  const absent = PROBES.filter((id) => !probes.some((p) => p.id === id));
  return [...probes, ...absent.map((id) => ({ id, ok: false, detail: 'the probe did not run' }))];
}
