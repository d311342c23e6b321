import type { Guarantee } from '../protocol/guarantee.js';
import type { SandboxDriver, SandboxSpec } from './sandbox.js';

/** The driver, refusing every sandbox for which it does not enforce these too. For whoever demands more than a phase does itself: an installation, a policy. */
export function demanding(driver: SandboxDriver, more: readonly Guarantee[]): SandboxDriver {
  const raised = (spec: SandboxSpec): SandboxSpec => ({ ...spec, demanded: [...new Set([...spec.demanded, ...more])] });
  return {
    name: driver.name, probe: () => driver.probe(), reap: (ids) => driver.reap(ids), sweep: () => driver.sweep(), close: () => driver.close(),
    open: (spec) => driver.open(raised(spec)),
    once: (spec, request) => driver.once(raised(spec), request),
  };
}
