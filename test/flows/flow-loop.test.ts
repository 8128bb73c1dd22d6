import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { FlowLoop } from "../../src/flows/flow-loop.ts";
import type { Sweep } from "../../src/kernel/addon.ts";
import type { TcpMonitor } from "../../src/kernel/tcp-monitor.ts";
import type { TcpRecords } from "../../src/kernel/tcp-records.ts";
import { clientHalf, FlowRig, serverHalf } from "./flow-rig.ts";
import { batchOf, type TcpRecord } from "./tcp-record.ts";

/** A loop on a clock that `pass` moves, over a monitor that hands out `next` once. */
function loopOf(options: { pressingRecords?: number } = {}) {
  mock.timers.enable({ apis: ["setTimeout"] });
  const rig = new FlowRig();
  const state = {
    rig,
    nowMs: 0,
    asked: [] as Sweep[],
    inFlight: 0,
    next: batchOf(),
    /** What the next collection brings instead, where there is any. */
    arrived: [] as TcpRecord[],
    error: undefined as Error | undefined,
    errors: [] as unknown[],
    gate: undefined as Promise<void> | undefined,
    loop: undefined as unknown as FlowLoop,
    async pass(ms: number, stepMs = 100): Promise<void> {
      for (let passed = 0; passed < ms; passed += stepMs) {
        state.nowMs += stepMs;
        mock.timers.tick(stepMs);
        await new Promise(setImmediate);
      }
    },
  };
  const monitor = {
    async collect(sweep: Sweep): Promise<TcpRecords> {
      state.asked.push(sweep);
      state.inFlight++;
      assert.equal(state.inFlight, 1, "one collection at a time");
      await state.gate;
      state.inFlight--;
      const next = state.arrived.length > 0 ? batchOf(...state.arrived.splice(0)) : state.next;
      const { error } = state;
      state.next = batchOf();
      state.error = undefined;
      if (error !== undefined) throw error;
      return next;
    },
  };
  state.loop = new FlowLoop({
    // of the monitor the loop uses collect() alone
    monitor: monitor as unknown as TcpMonitor,
    counter: rig.counter,
    drainIntervalMs: 200,
    sweepIntervalMs: 10_000,
    pressingRecords: options.pressingRecords ?? 100,
    nowMs: () => state.nowMs,
    onError: (error) => state.errors.push(error),
  });
  return state;
}

function loopTest(name: string, run: () => Promise<void>): void {
  test(name, async () => {
    try {
      await run();
    } finally {
      mock.timers.reset();
    }
  });
}

loopTest(
  "FlowLoop drains by timer, sweeps every sweep interval, fully every three minutes, and tidies up every minute",
  async () => {
    const state = loopOf();
    const tidied = mock.method(state.rig.counter, "tidy");
    state.loop.start();
    await state.pass(372_000);
    const at = (sweep: Sweep) => state.asked.flatMap((each, index) => (each === sweep ? [index] : []));
    assert.equal(at("all").length, 2);
    assert.equal(at("changed").length, 40);
    assert.equal(tidied.mock.callCount(), 6);
    assert.equal(
      at("changed")[0],
      44,
      "the first sweep comes 8.8 s after the start, so that what then waits shows within 10 s",
    );
    assert.equal(state.asked.length, 1860);
    assert.equal(state.loop.collections, state.asked.length);
    await state.loop.shutdown();
  },
);

loopTest("FlowLoop sweeps soon while a half waits for its other half", async () => {
  const state = loopOf();
  state.loop.start();
  state.next = batchOf(clientHalf());
  await state.pass(300);
  assert.equal(state.rig.counter.waiting, 1);
  await state.pass(1500);
  assert.equal(state.rig.counter.waiting, 0);
  assert.equal(state.rig.total("opened"), 1);
  assert.deepEqual([...new Set(state.asked)].sort(), ["changed", "none"]);
  const sweeps = state.asked.filter((each) => each === "changed").length;
  await state.pass(2000);
  assert.equal(state.asked.filter((each) => each === "changed").length, sweeps, "and no more once none waits");
  await state.loop.shutdown();
});

loopTest("FlowLoop does not sweep for halves that the next batch pairs", async () => {
  const state = loopOf();
  state.loop.start();
  for (let id = 1; id <= 10; id++) {
    state.next = batchOf(serverHalf({ id: 2 * id, localIsn: 2 * id, remoteIsn: 1 }));
    await state.pass(200);
    assert.equal(state.rig.counter.waiting, 1);
    state.next = batchOf(clientHalf({ id: 2 * id + 1, localIsn: 1, remoteIsn: 2 * id }));
    await state.pass(200);
    assert.equal(state.rig.counter.waiting, 0);
  }
  assert.deepEqual([...new Set(state.asked)], ["none"]);
  assert.equal(state.rig.total("opened"), 10);
  await state.loop.shutdown();
});

loopTest("FlowLoop drains again at once where the ring fills fast", async () => {
  const state = loopOf({ pressingRecords: 2 });
  state.loop.start();
  state.next = batchOf(clientHalf({ id: 1 }), clientHalf({ id: 2, localIsn: 2 }), clientHalf({ id: 3, localIsn: 3 }));
  await state.pass(100);
  const asked = state.asked.length;
  await state.pass(100);
  assert.equal(asked, 1);
  assert.equal(state.asked.length, 2);
  assert.equal(state.loop.records, 3);
  await state.loop.shutdown();
});

/** `count` connections, both halves of each. */
function connections(firstId: number, count: number) {
  return Array.from({ length: count }, (_, at) => firstId + at).flatMap((id) => [
    clientHalf({ id: 2 * id, localIsn: 1, remoteIsn: id }),
    serverHalf({ id: 2 * id + 1, localIsn: id, remoteIsn: 1 }),
  ]);
}

loopTest(
  "FlowLoop drains sooner while more comes than a drain should bring, and no oftener than every 20 ms",
  async () => {
    const state = loopOf({ pressingRecords: 100_000 });
    state.loop.start();
    await state.pass(400);
    const quiet = state.asked.length;
    let id = 0;
    const load = async (ms: number, perMs: number) => {
      const before = state.asked.length;
      for (let passed = 0; passed < ms; passed += 10) {
        state.arrived.push(...connections(id + 1, 5 * perMs));
        id += 5 * perMs;
        await state.pass(10, 10);
      }
      return state.asked.length - before;
    };
    assert.equal(quiet, 2);
    const some = await load(1000, 2); // 400 in 200 ms
    const many = await load(1000, 10); // 1 024 in 102 ms
    const flood = await load(300, 100); // 1 024 in 10 ms
    assert.equal(some, 5);
    assert.ok(many >= 8 && many <= 10, `${many} drains a second`);
    assert.ok(flood >= 12 && flood <= 15, `${flood} drains in 0.3 s`);
    await state.pass(400, 10);
    const after = state.asked.length;
    await state.pass(1000, 10);
    assert.equal(state.asked.length - after, 5, "and as before once it is quiet");
    assert.equal(state.rig.total("opened"), id);
    assert.deepEqual([...new Set(state.asked)], ["none"]);
    await state.loop.shutdown();
  },
);

loopTest("FlowLoop takes drains that come soon for parts of one batch: they are no reason to sweep", async () => {
  const state = loopOf({ pressingRecords: 100_000 });
  state.loop.start();
  // connections whose halves come 120 ms from each other: longer than it is between two drains, shorter than a batch
  for (let step = 1; step <= 400; step++) {
    state.arrived.push(...connections(10_000 + 100 * step, 50));
    state.arrived.push(serverHalf({ id: 2 * step, localIsn: step, remoteIsn: 1 }));
    if (step > 12) {
      state.arrived.push(clientHalf({ id: 2 * step - 1, localIsn: 1, remoteIsn: step - 12 }));
    }
    await state.pass(10, 10);
  }
  assert.ok(state.asked.length > 30, `${state.asked.length} drains in 4 s`);
  assert.deepEqual([...new Set(state.asked)], ["none"]);
  await state.loop.shutdown();
  assert.equal(state.rig.total("opened"), 400 * 51);
});

loopTest("FlowLoop tells of a failed collection and goes on", async () => {
  const state = loopOf();
  state.loop.start();
  const error = new Error("the ring is gone");
  state.error = error;
  await state.pass(1000);
  assert.deepEqual(state.errors, [error]);
  assert.ok(state.asked.length >= 4);
  assert.equal(state.loop.collections, state.asked.length - 1);
  await state.loop.shutdown();
});

loopTest("FlowLoop.shutdown() waits for the collection under way, sweeps once more and settles", async () => {
  const state = loopOf();
  let open = () => {};
  state.gate = new Promise((resolve) => {
    open = resolve;
  });
  state.loop.start();
  await state.pass(100);
  assert.equal(state.inFlight, 1);
  state.next = batchOf(clientHalf());
  const stopped = Promise.all([state.loop.shutdown(), state.loop.shutdown()]);
  assert.deepEqual(state.asked, ["none"]);
  open();
  await stopped;
  assert.deepEqual(state.asked, ["none", "changed"]);
  assert.equal(state.rig.total("opened"), 1);
  assert.equal(state.rig.counter.waiting, 0);
  await state.pass(5000);
  await state.loop.shutdown();
  assert.equal(state.asked.length, 2, "nothing after");
});
