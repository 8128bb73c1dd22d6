import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRetryAfter, parseStatus, statusError } from "../../src/kubernetes/api-status.ts";
import { envelope, status } from "./api-bytes.ts";

test("parseRetryAfter() takes seconds and dates, never negative and never more than 5 minutes", () => {
  const nowMs = Date.parse("2026-01-01T00:00:00Z");
  assert.equal(parseRetryAfter("7", nowMs), 7000);
  assert.equal(parseRetryAfter("Thu, 01 Jan 2026 00:00:09 GMT", nowMs), 9000);
  assert.equal(parseRetryAfter("Wed, 31 Dec 2025 23:00:00 GMT", nowMs), 0);
  assert.equal(parseRetryAfter("99999999", nowMs), 300_000);
  for (const nothing of [undefined, "", "soon", "-3"]) assert.equal(parseRetryAfter(nothing, nowMs), 0);
});

test("parseStatus() reads protobuf, JSON and text, and never throws", () => {
  const protobuf = "application/vnd.kubernetes.protobuf";
  assert.equal(parseStatus(403, protobuf, envelope("Status", status(403, "no"))).message, "no");
  assert.equal(parseStatus(403, "application/json", Buffer.from('{"message":"no"}')).message, "no");
  assert.equal(parseStatus(502, "text/plain", Buffer.from(" bad gateway \n")).message, "bad gateway");
  assert.equal(parseStatus(502, protobuf, Buffer.from("no protobuf")).message, "no protobuf");
  assert.equal(parseStatus(502, "application/json", Buffer.from("{")).message, "{");
});

test("statusError() names the kind, and takes a version from the future for an expired one", () => {
  const kind = (code: number, message = "") => statusError("list pods", { code, message, retryAfterSeconds: 0 }).kind;
  assert.deepEqual(
    [401, 403, 404, 410, 422, 429, 500, 503].map((code) => kind(code)),
    ["unauthorized", "forbidden", "missing", "expired", "refused", "throttled", "server", "server"],
  );
  assert.equal(kind(504, "Too large resource version: 9, current: 5"), "expired");
  assert.equal(statusError("x", { code: 429, message: "", retryAfterSeconds: 3 }, 2000).retryAfterMs, 3000);
});
