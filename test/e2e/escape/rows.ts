import type { Row } from './row.js';
import { CALL_ROWS } from './rows/calls.js';
import { PATH_ROWS } from './rows/paths.js';
import { PROCESS_ROWS } from './rows/processes.js';
import { RESOURCE_ROWS } from './rows/resources.js';
import { LEAVING_ROWS } from './rows/leaving.js';
import { CHANNEL_ROWS } from './rows/channel.js';
import { ENVIRONMENT_ROWS } from './rows/environment.js';
import { CONNECT_ROWS } from './rows/connect.js';
import { EGRESS_ROWS } from './rows/egress.js';
import { INSTRUCTION_ROWS } from './rows/instructions.js';
import { PEOPLE_ROWS } from './rows/people.js';
import { PYPI_ROWS } from './rows/pypi.js';
import { RECORD_ROWS } from './rows/record.js';
import { GATE_ROWS } from './rows/gate.js';
import { NETWORK } from './rows/network.js';
import { withSecond } from './rows/second-kernel.js';

export const ROWS: readonly Row[] = [...NETWORK, ...CALL_ROWS, ...PATH_ROWS, ...PROCESS_ROWS, ...RESOURCE_ROWS, ...LEAVING_ROWS, ...CHANNEL_ROWS, ...ENVIRONMENT_ROWS, ...EGRESS_ROWS, ...CONNECT_ROWS, ...PYPI_ROWS, ...INSTRUCTION_ROWS, ...PEOPLE_ROWS, ...RECORD_ROWS, ...GATE_ROWS].map(withSecond);
