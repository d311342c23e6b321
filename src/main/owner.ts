import { z } from 'zod';
import { startDetached } from '../process/detach.js';
import { run } from '../process/spawn.js';
import { runOwner } from '../store/owner.js';

/** The one argument of the owner process, as JSON. It is started through `flock` by the first client (store/election.ts). */
const Options = z.strictObject({
  home: z.string(),
  native: z.string(),
  dbUser: z.strictObject({ uid: z.int().min(1), gid: z.int().min(1) }).nullable(),
  linger: z.int().min(0).optional(),
});

await runOwner({ ...Options.parse(JSON.parse(process.argv[2] ?? 'null')), processes: { run, startDetached } });
