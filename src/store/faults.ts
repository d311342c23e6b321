import { SallyportError, toSallyportError } from '../protocol/errors.js';

/** The connection is gone, or none could be made: nothing is known of what was sent last. */
const LOST = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', '57P01', '57P02', '57P03', '08000', '08003', '08006']);

export function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && typeof error.code === 'string' && LOST.has(error.code)) || /^(Connection terminated|Client has encountered a connection error|Client was closed)/.test(error.message);
}

/** 53100 becomes `disk.full`; what is ours stays; the rest is `store.unavailable` with the driver's error as its cause. */
export function toStoreError(error: unknown): SallyportError {
  return toSallyportError(error, 'store.unavailable');
}

export function fenced(task: string, epoch: number | null, present: number): SallyportError {
  return new SallyportError('store.fenced', `Cannot write to task "${task}" with lease epoch ${epoch}: it is at ${present}, so another worker has taken it over`);
}
