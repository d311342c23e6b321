import type { Row } from './row.js';
import { NETWORK } from './rows/network.js';

export const ROWS: readonly Row[] = [...NETWORK];
