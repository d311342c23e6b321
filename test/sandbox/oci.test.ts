import { sandboxContract } from '../contract/sandbox.js';
import { createOciDriver } from '../../src/sandbox/oci/driver.js';
import { driverOptions, watched } from '../support/sandbox.js';

for (const ociRuntime of ['runc', 'runsc'] as const) {
  sandboxContract(`podman with ${ociRuntime}`, (folder) => watched(createOciDriver({ ...driverOptions(folder), engine: 'podman', ociRuntime, image: { kind: 'host-usr' } })));
}
