import assert from "node:assert/strict";
import { test } from "node:test";
import { Listeners } from "../../src/flows/listeners.ts";
import { batchOf, type TcpRecord } from "./tcp-record.ts";

const web: TcpRecord = { kind: "listen", netns: 1, local: "10.0.0.1", localPort: 80, pid: 42, comm: "nginx" };

test("Listeners.get() knows a listener by namespace, address and port", () => {
  const listeners = new Listeners();
  listeners.add(batchOf(web), 0);
  assert.equal(listeners.get(batchOf({ ...web, kind: "closed" }), 0)?.comm, "nginx");
  for (const other of [{ netns: 2 }, { localPort: 81 }, { local: "10.0.0.2" }]) {
    assert.equal(listeners.get(batchOf({ ...web, ...other }), 0), undefined);
  }
});

test("Listeners.get() prefers the listener of the address to the one of all addresses", () => {
  const listeners = new Listeners();
  listeners.add(batchOf({ ...web, local: "0.0.0.0", comm: "all" }), 0);
  listeners.add(batchOf(web), 0);
  assert.equal(listeners.get(batchOf(web), 0)?.comm, "nginx");
  assert.equal(listeners.get(batchOf({ ...web, local: "10.0.0.9" }), 0)?.comm, "all");
});

test("Listeners.get() gives the last to listen, until the last socket of all is gone", () => {
  const listeners = new Listeners();
  const accepted = batchOf({ ...web, kind: "closed", bornNs: 300 });
  listeners.add(batchOf(web), 0);
  listeners.add(batchOf({ ...web, pid: 43, comm: "nginx-2" }), 0);
  assert.equal(listeners.get(accepted, 0)?.pid, 43);
  listeners.remove(batchOf({ ...web, atNs: 100 }), 0);
  assert.equal(listeners.get(accepted, 0)?.pid, 43);
  listeners.remove(batchOf({ ...web, atNs: 200 }), 0);
  assert.equal(listeners.get(accepted, 0), undefined);
});

test("Listeners.get() gives a listener that ended to the connections that it accepted, and to no younger one", () => {
  const listeners = new Listeners();
  listeners.add(batchOf(web), 0);
  listeners.remove(batchOf({ ...web, atNs: 200 }), 0);
  assert.equal(listeners.get(batchOf({ ...web, bornNs: 199 }), 0)?.comm, "nginx");
  assert.equal(listeners.get(batchOf({ ...web, bornNs: 201 }), 0), undefined);
  listeners.add(batchOf({ ...web, pid: 44, comm: "nginx-3" }), 0);
  assert.equal(listeners.get(batchOf({ ...web, bornNs: 201 }), 0)?.comm, "nginx-3");
});

test("Listeners keeps a bounded number of those that ended, the latest", () => {
  const listeners = new Listeners();
  for (let port = 1; port <= 3000; port++) {
    listeners.add(batchOf({ ...web, localPort: port }), 0);
    listeners.remove(batchOf({ ...web, localPort: port, atNs: 1000 }), 0);
  }
  assert.equal(listeners.get(batchOf({ ...web, localPort: 1 }), 0), undefined);
  assert.equal(listeners.get(batchOf({ ...web, localPort: 3000 }), 0)?.pid, 42);
});

test("Listeners.remove() of one that was never seen changes nothing", () => {
  const listeners = new Listeners();
  listeners.add(batchOf(web), 0);
  listeners.remove(batchOf({ ...web, localPort: 81 }), 0);
  assert.equal(listeners.get(batchOf(web), 0)?.pid, 42);
});
