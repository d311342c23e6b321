import { expect, it } from 'vitest';
import { AppendListener } from '../../src/store/listener.js';
import { openStore } from '../../src/store/open.js';
import { openLab } from '../fixtures/database.js';

it('closes wherever its connection stands: before, while and after it connects', async () => {
  await using lab = await openLab();
  await using store = await openStore(lab.options(lab.home()));
  let closed = 0;
  for (let i = 0; i < 60; i++) {
    const listener = new AppendListener(() => store.url);
    listener.add('task_x', () => undefined);
    if (i % 3 === 1) await new Promise((resolve) => setImmediate(resolve));
    if (i % 3 === 2) await new Promise((resolve) => setTimeout(resolve, i / 4)); // the moment moves through the whole connect
    await listener.close();
    closed++;
  }
  expect(closed).toBe(60);
});
