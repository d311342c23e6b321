// A real log for measurements: PostgreSQL of its own, started for this and stopped with it.
import { join } from 'node:path';
import { diskArtifacts } from '../../dist/artifacts/disk.js';
import { createLog } from '../../dist/audit/log.js';
import { systemUser } from '../../dist/main/config.js';
import { startDetached } from '../../dist/process/detach.js';
import { newId } from '../../dist/protocol/ids.js';
import { DEFAULT_BUDGET } from '../../dist/protocol/task.js';
import { findNative } from '../../dist/store/binaries.js';
import { openStore } from '../../dist/store/open.js';
import { root } from '../measure.mjs';

export async function openLog({ folder }) {
  const home = join(folder, 'home');
  const dbUser = process.getuid() === 0 ? systemUser('sallyport-db') : null;
  const store = await openStore({ home, connections: 4, owner: { argv: [process.execPath, join(root, 'dist/main/owner.js'), JSON.stringify({ home, native: findNative(), dbUser, linger: 200 })], processes: { startDetached } } });
  const log = createLog(store, diskArtifacts(join(home, 'artifacts')), { redact: (t) => t, now: () => new Date(), keys: join(home, 'keys') });
  const request = { text: 'x', kind: 'fix', agent: 'loop', model: null, repository: '/srv/x', baseCommit: 'a'.repeat(40), headCommit: null, only: null, requester: 'bench', budget: DEFAULT_BUDGET, environment: null };
  const task = newId('task');
  const repository = await store.registerRepository('/srv/x', newId('repo'));
  await store.createTask({ id: task, kind: 'fix', request, repository: repository.id, createdAt: new Date() });
  let seq = 0;
  return {
    journal: {
      record: async (type, data) => void (await log.append(task, [{ id: `${task}/bench/${seq++}`, run: null, type, data }], { epoch: null })),
      keep: async (body, media) => ({ digest: `sha256:${'0'.repeat(64)}`, bytes: body.length, blind: false, media }),
    },
    [Symbol.asyncDispose]: async () => await store[Symbol.asyncDispose](),
  };
}
