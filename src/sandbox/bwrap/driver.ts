import { createStageDriver, type StageDriver, type StageOptions } from '../stage/driver.js';
import { bwrapWall } from './wall.js';

/** The bubblewrap driver. Never runs bwrap with the real uid 0. */
export function createBwrapDriver(options: StageOptions): StageDriver {
  return createStageDriver('bwrap', options, async (root) => bwrapWall(options.arch, root));
}
