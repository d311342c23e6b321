// A hundred live sandboxes, and how many a second.
import { readFileSync } from 'node:fs';
import { figure, timed } from '../measure.mjs';
import { TRUE } from './ground.mjs';

const LIVE = 100;

export async function many({ cold, warm, spec }) {
  const before = available();
  let live = [];
  const took = await timed(async () => {
    live = await Promise.all(Array.from({ length: LIVE }, () => cold.open(spec())));
  });
  const each = (before - available()) / LIVE;
  await Promise.all(live.map((sandbox) => sandbox.close()));
  const figures = [
    figure('hundred_ready_s', took / 1000, 's', { goal: 5, how: `${LIVE} sessions asked for at once, until the last answers; none was warm` }),
    figure('idle_mib', each, 'MiB', { n: LIVE, goal: 10, how: 'fall of MemAvailable for each of the hundred, exec server included' }),
  ];
  for (const concurrency of [1, 4, 16, 64]) {
    const total = Math.max(40, concurrency * 3);
    let left = total;
    const seconds = (await timed(() => Promise.all(Array.from({ length: concurrency }, async () => {
      while (left-- > 0) await warm.once(spec(), TRUE);
    })))) / 1000;
    figures.push(figure(`per_second_${concurrency}`, total / seconds, '/s', { n: total, better: 'higher', how: `one-shot sandboxes a second, ${concurrency} at a time` }));
  }
  return figures;
}

/** MiB. */
function available() {
  return Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))[1]) / 1024;
}
