import { sandboxContract } from '../contract/sandbox.js';
import { createOciDriver } from '../../src/sandbox/oci/driver.js';
import { driverOptions, watched } from '../support/sandbox.js';

sandboxContract('podman with runc', (folder) => watched(createOciDriver({ ...driverOptions(folder), engine: 'podman', ociRuntime: 'runc', image: { kind: 'host-usr' } })));
