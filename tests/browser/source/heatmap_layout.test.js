// Where cells are, for fleets of any size, and how one gets from one to the next.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { makeClusters } from '../support/fleet.js';
import { importSource } from '../support/source.js';

const layout = await importSource('heatmap/layout.ts');
const { blockOf, blockRect, cellRect, hitAt, hostsBetween, layoutOf, shorten, stepVertically } = layout;

const DESK = { width: 870, height: 500, cellMin: 11 };

function hosts(count, gpus = 8, name = 'mtv5-dgx1-hgpu-') {
  const number = (i) => String(i).padStart(3, '0');
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`${name}${number(i)}`, new Array(gpus).fill({})])
  );
}

function rectsOf(made) {
  return made.sections.flatMap((section) =>
    section.cluster.hosts.flatMap((host, number) =>
      host.gpus.map((_, slot) => cellRect(made, { section, number }, slot))
    )
  );
}

function overlap(a, b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

test('31 hosts fit in the room, in the largest cells that do', () => {
  const made = layoutOf(makeClusters({ local: hosts(31) }), DESK);
  assert.ok(made.height <= DESK.height, `${made.height}`);
  assert.ok(made.cellHeight >= 20, `${made.cellHeight}`);
});

for (const [what, clusters] of Object.entries({
  '31 hosts': { local: hosts(31) },
  'hosts of 1 GPU': { local: hosts(40, 1) },
  'hosts of 16 GPUs': { local: hosts(9, 16) },
  'two clusters': { east: hosts(5), west: hosts(7, 4) },
  'a host without GPUs': { local: { alpha: [], beta: [{}] } },
})) {
  for (const width of [300, 870, 3300]) {
    test(`${what}, ${width} wide: no two cells overlap, and each is hit`, () => {
      const made = layoutOf(makeClusters(clusters), { ...DESK, width });
      const rects = rectsOf(made);
      for (const [i, a] of rects.entries()) {
        assert.ok(a.x >= 0 && a.x + a.width <= width && a.y + a.height <= made.height);
        for (const b of rects.slice(i + 1)) assert.ok(!overlap(a, b));
      }
      const hit = rects.map((r) => hitAt(made, r.x + r.width / 2, r.y + r.height / 2)?.gpu);
      assert.deepEqual(
        hit,
        made.sections.flatMap((s) => s.cluster.hosts.flatMap((h) => h.gpus))
      );
    });
  }
}

test('10,000 GPUs go down as far as they need', () => {
  const made = layoutOf(makeClusters({ local: hosts(1250) }), DESK);
  assert.equal(made.cellHeight, DESK.cellMin);
  assert.ok(made.height > DESK.height);
});

test('a strip across the map has the hosts that it shows', () => {
  const made = layoutOf(makeClusters({ east: hosts(50), west: hosts(50) }), { ...DESK, height: 0 });
  for (const [top, bottom] of [[0, 100], [130, 131], [made.height - 50, made.height], [0, made.height]]) {
    const [first, last] = hostsBetween(made, top, bottom);
    for (let host = 0; host < 100; host++) {
      const { y, height } = blockRect(blockOf(made, host));
      if (y < bottom && y + height > top) assert.ok(host >= first && host < last, `${host} at ${top}`);
    }
    assert.ok(last - first <= 100);
  }
});

test('nothing is there where there is no host', () => {
  const made = layoutOf([], DESK);
  assert.equal(made.height, 0);
  assert.equal(hitAt(made, 10, 10), undefined);
  assert.deepEqual(hostsBetween(made, 0, 100), [0, 0]);
  assert.equal(blockOf(made, 0), undefined);
});

test('down and up stay in the column, and end at the edges', () => {
  const made = layoutOf(makeClusters({ east: hosts(9), west: hosts(9) }), { width: 380, height: 0, cellMin: 11 });
  assert.equal(made.sections[0].perRow, 3);
  const start = { host: 1, slot: 3 };
  const way = [start];
  for (let at = start; (at = stepVertically(made, at, true)); ) way.push(at);
  const x = ({ host, slot }) => cellRect(made, blockOf(made, host), slot).x;
  assert.ok(way.length > 3);
  assert.ok(way.at(-1).host >= 9, 'it goes on into the next cluster');
  for (const place of way) assert.equal(x(place), x(start));
  const back = [way.at(-1)];
  for (let at = way.at(-1); (at = stepVertically(made, at, false)); ) back.push(at);
  assert.deepEqual(back.reverse(), way);
});

test('names lose what they begin with, alike for all, until they fit', () => {
  const names = ['mtv5-dgx1-hgpu-001', 'mtv5-dgx1-hgpu-012'];
  assert.deepEqual(shorten(names, 18), names);
  assert.deepEqual(shorten(names, 10), ['hgpu-001', 'hgpu-012']);
  assert.deepEqual(shorten(names, 4), ['001', '012']);
  assert.deepEqual(shorten(['a1.rack7.example.com', 'b2.rack7.example.com'], 8), ['a1', 'b2']);
  assert.deepEqual(shorten(['abcdefghijkl', 'short'], 6), ['…hijkl', 'short']);
});
