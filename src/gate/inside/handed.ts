import type { Orders } from './orders.js';

/** Where the runner's own process keeps the run's orders for its reporter, which is a program of its own. No code of the tree is loaded there. */
export const ORDERS = Symbol.for('sallyport.orders');

export function orders(): Orders | null {
  return (Reflect.get(globalThis, ORDERS) as Orders | null | undefined) ?? null;
}
