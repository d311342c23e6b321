import { SallyportError } from '../../protocol/errors.js';

/** Turns what the engine or its runtime printed into an error with a remedy. */
export function explain(error: SallyportError, said: string): SallyportError {
  if (error.code === 'sandbox.protocol') return error;
  const [pattern, hint] = REMEDIES.find(([p]) => p.test(said)) ?? [null, 'sallyport doctor shows what is missing.'];
  return new SallyportError(pattern === null ? 'sandbox.failed' : 'sandbox.unavailable', `Cannot start the container: ${said === '' ? error.message : said}`, { hint, cause: error });
}

const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/cgroups? in hybrid mode not supported/i, 'crun refuses machines with both cgroup versions: SALLYPORT_SANDBOX_RUNTIME=runc'],
  [/exec: \S*podman: No such file/, 'Install podman: apt-get install podman'],
  [/conmon.*not found|could not find a working conmon/i, 'Install conmon: apt-get install conmon'],
  [/init binary|catatonit/i, 'Install catatonit: apt-get install catatonit'],
  [/unknown platform|platform.*not supported/i, 'This gVisor does not know the platform: set SALLYPORT_SANDBOX_PLATFORM to systrap or ptrace.'],
  [/mount: .*(permission denied|operation not permitted)/i, 'Mounts are refused to this process, as in a container: run Sallyport outside of it.'],
];
