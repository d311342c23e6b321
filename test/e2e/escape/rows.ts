import type { Row } from './row.js';
import { CALL_ROWS } from './rows/calls.js';
import { NETWORK } from './rows/network.js';

export const ROWS: readonly Row[] = [...NETWORK, ...CALL_ROWS];
