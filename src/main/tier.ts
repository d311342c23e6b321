import type { Guarantee } from '../protocol/guarantee.js';
import type { SandboxChoice } from './config.js';

/**
 * The driver that a policy's demands lead to. All of them are demanded of it; for a kernel of their own its sandboxes run on gVisor, in the engine that is chosen, else with
 * podman where that is installed. What cannot be had there stops the run and says what is missing.
 */
export function tierOf(chosen: SandboxChoice, demands: readonly Guarantee[], podman: boolean): SandboxChoice {
  const demanded = [...new Set([...chosen.demanded, ...demands])];
  if (!demands.includes('second_kernel') || chosen.runtime === 'runsc') return { ...chosen, demanded };
  return { ...chosen, driver: chosen.driver === 'bwrap' ? (podman ? 'podman' : 'docker') : chosen.driver, runtime: 'runsc', demanded };
}
