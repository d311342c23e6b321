import { sandboxContract } from '../contract/sandbox.js';
import { testDriver } from '../support/sandbox.js';

sandboxContract('bubblewrap', (folder) => testDriver(folder));
