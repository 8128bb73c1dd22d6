import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { FlowLoop } from "../../src/flows/flow-loop.ts";
import type { Sweep } from "../../src/kernel/addon.ts";
import type { TcpMonitor } from "../../src/kernel/tcp-monitor.ts";
import type { TcpRecords } from "../../src/kernel/tcp-records.ts";
import { clientHalf, FlowRig, serverHalf } from "./flow-rig.ts";
import { batchOf } from "./tcp-record.ts";

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
    error: undefined as Error | undefined,
    errors: [] as unknown[],
    gate: undefined as Promise<void> | undefined,
    loop: undefined as unknown as FlowLoop,
    async pass(ms: number): Promise<void> {
      for (let passed = 0; passed < ms; passed += 100) {
        state.nowMs += 100;
        mock.timers.tick(100);
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
      const { next, error } = state;
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

loopTest("FlowLoop drains by timer, sweeps every sweep interval, and fully once a minute", async () => {
  const state = loopOf();
  state.loop.start();
  await state.pass(125_000);
  const at = (sweep: Sweep) => state.asked.flatMap((each, index) => (each === sweep ? [index] : []));
  assert.equal(at("all").length, 2);
  assert.equal(at("changed").length, 12);
  assert.equal(
    at("changed")[0],
    44,
    "the first sweep comes 8.8 s after the start, so that what then waits shows within 10 s",
  );
  assert.equal(state.asked.length, 625);
  assert.equal(state.loop.collections, state.asked.length);
  await state.loop.shutdown();
});

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
