import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { mock, test } from "node:test";
import { LiveTable, type Terminal } from "../../src/cli/live-table.ts";
import type { TableSource } from "../../src/cli/table-source.ts";

class FakeTerminal extends EventEmitter implements Terminal {
  size: [number, number] = [100, 24];
  keepsUp = true;
  readonly written: string[] = [];

  getWindowSize(): [number, number] {
    return this.size;
  }

  write(text: string): boolean {
    this.written.push(text);
    return this.keepsUp;
  }
}

function table(terminal: FakeTerminal, source: Partial<TableSource> = {}) {
  const errors: unknown[] = [];
  const live = new LiveTable({
    source: {
      status: () => ({ nodeName: "node-7", metricsUrl: "http://m", notReady: [], lostRecords: 0 }),
      rows: () => [],
      ...source,
    },
    terminal,
    onError: (error) => errors.push(error),
  });
  return { live, errors };
}

test("LiveTable takes the alternate screen, and gives it back once", (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const terminal = new FakeTerminal();
  const exitListeners = process.listenerCount("exit");
  const { live } = table(terminal);
  live.start();
  assert.match(terminal.written[0] ?? "", /^\x1b\[\?1049h/);
  assert.match(terminal.written[1] ?? "", /weir .* node-7/);
  live.shutdown();
  live.shutdown();
  assert.equal(terminal.written.length, 3);
  assert.match(terminal.written[2] ?? "", /\x1b\[\?7h\x1b\[\?25h\x1b\[\?1049l$/);
  assert.equal(terminal.listenerCount("resize") + terminal.listenerCount("drain"), 0);
  assert.equal(process.listenerCount("exit"), exitListeners);
});

test("LiveTable writes a frame only where it differs, and always after a resize", (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const terminal = new FakeTerminal();
  let lostRecords = 0;
  const { live } = table(terminal, {
    status: () => ({ nodeName: "n", metricsUrl: "http://m", notReady: [], lostRecords }),
  });
  live.start();
  const frames = () => terminal.written.length - 1;
  context.mock.timers.tick(3_000);
  assert.equal(frames(), 1);
  lostRecords = 1;
  context.mock.timers.tick(1_000);
  assert.equal(frames(), 2);
  terminal.emit("resize");
  assert.equal(frames(), 3);
  terminal.size = [99, 24];
  context.mock.timers.tick(1_000);
  assert.equal(frames(), 4);
  live.shutdown();
});

test("LiveTable leaves frames out while the terminal cannot keep up", (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const terminal = new FakeTerminal();
  let lostRecords = 0;
  const { live } = table(terminal, {
    status: () => ({ nodeName: "n", metricsUrl: "http://m", notReady: [], lostRecords: lostRecords++ }),
  });
  terminal.keepsUp = false;
  live.start();
  context.mock.timers.tick(5_000);
  assert.equal(terminal.written.length, 2);
  terminal.keepsUp = true;
  terminal.emit("drain");
  context.mock.timers.tick(1_000);
  assert.equal(terminal.written.length, 3);
  live.shutdown();
});

test("LiveTable reports what its source throws, and goes on", (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const terminal = new FakeTerminal();
  const rows = mock.fn(
    () => [],
    () => {
      throw new Error("no rows today");
    },
    { times: 1 },
  );
  const { live, errors } = table(terminal, { rows });
  live.start();
  assert.match(`${errors}`, /no rows today/);
  context.mock.timers.tick(1_000);
  assert.match(terminal.written[1] ?? "", /weir/);
  assert.equal(errors.length, 1);
  live.shutdown();
});
