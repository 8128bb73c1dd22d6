import assert from "node:assert/strict";
import { test } from "node:test";
import { ResponseParser } from "../../../src/kubernetes/http/response-parser.ts";
import { Mutations } from "../mutations.ts";

/** What came out: the head's status, the body, and whether that was all; with the error that ended it. */
function parse(pieces: readonly (string | Buffer)[], ends = false) {
  let [body, isOver] = ["", false];
  let status: number | undefined;
  let headers: ReadonlyMap<string, string> = new Map();
  let error = "";
  const parser = new ResponseParser({
    onHead: (head) => ({ status, headers } = head),
    onBody: (bytes) => (body += bytes.toString("latin1")),
    onEnd: () => (isOver = true),
  });
  try {
    for (const piece of pieces) parser.push(typeof piece === "string" ? Buffer.from(piece, "latin1") : piece);
    if (ends) parser.end();
  } catch (thrown) {
    error = (thrown as Error).message;
  }
  return { status, headers, body, isOver, isReusable: parser.isReusable, error };
}

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}Content-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0006;x="y"\r\n, you!\r\n0\r\nTrailer: t\r\n\r\n`;
const COUNTED = `${OK}content-length:  11 \r\n\r\nhello, you!`;
const REST = `${OK}Server: s\r\n\r\nhello, you!`;

test("ResponseParser takes a body by its chunks, its length, or the connection's end, however it is cut", () => {
  for (const [text, isReusable] of [
    [CHUNKED, true],
    [COUNTED, true],
    [REST, false],
  ] as const) {
    for (let cut = 0; cut <= text.length; cut++) {
      const seen = parse([text.slice(0, cut), text.slice(cut)], text === REST);
      const { status, body, isOver, error } = seen;
      assert.deepEqual([status, body, isOver, error], [200, "hello, you!", true, ""]);
      assert.equal(seen.isReusable, isReusable);
    }
    const single = parse([...text], text === REST);
    assert.deepEqual([single.body, single.isOver], ["hello, you!", true]);
  }
});

test("ResponseParser gives headers by their names in lower case, and several of a name as one", () => {
  const { headers } = parse([`${OK}Vary: a\r\nVARY:\tb\t\r\nX_y: \r\nContent-Length: 0\r\n\r\n`]);
  assert.deepEqual(Object.fromEntries(headers), { vary: "a, b", x_y: "", "content-length": "0" });
});

test("ResponseParser knows answers without a body, and what comes on the way to one", () => {
  for (const status of ["204 No Content", "304 Not Modified"]) {
    const { isOver, isReusable } = parse([`HTTP/1.1 ${status}\r\nContent-Length: 5\r\n\r\n`]);
    assert.deepEqual([isOver, isReusable], [true, true]);
  }
  const early = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
  const { status, headers, body } = parse([`HTTP/1.1 100 Continue\r\n\r\n${early}${COUNTED}`]);
  assert.deepEqual([status, headers.has("link"), body], [200, false, "hello, you!"]);
});

test("ResponseParser says that a connection is used up where the server ends it", () => {
  const text = (head: string) => `${head}\r\nContent-Length: 2\r\n\r\nok`;
  assert.equal(parse([text("HTTP/1.1 200 OK")]).isReusable, true);
  for (const head of ["HTTP/1.0 200 OK", "HTTP/1.1 200 OK\r\nConnection: x, Close"]) {
    const { isOver, isReusable } = parse([text(head)]);
    assert.deepEqual([isOver, isReusable], [true, false], head);
  }
});

test("ResponseParser refuses what is no answer, or could be read in two ways", () => {
  const wrong = [
    ["HTTP/2 200\r\n\r\n", /malformed status line: "HTTP\/2 200"/],
    ["\u0016\u0003\u0001\r\n", /malformed status line/],
    ["HTTP/1.1 2000 OK\r\n\r\n", /malformed status line/],
    ["HTTP/1.1 200 OK\n\n", /malformed line/],
    ["HTTP/1.1 101 Switching Protocols\r\n\r\n", /another protocol/],
    [`${OK}Content-Length : 5\r\n\r\n`, /malformed header: "Content-Length : 5"/],
    [`${OK} folded: 5\r\n\r\n`, /malformed header/],
    [`${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`, /malformed content-length: "5, 6"/],
    [`${OK}Content-Length: -5\r\n\r\n`, /malformed content-length/],
    [`${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`, /malformed transfer-encoding/],
    [`${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`, /malformed transfer-encoding: "gzip, chunked"/],
    [`${OK}Transfer-Encoding: chunked\r\n\r\n5x\r\n`, /malformed size of a chunk: "5x"/],
    [`${OK}Transfer-Encoding: chunked\r\n\r\nfffffffffffff\r\n`, /malformed size of a chunk/],
    [`${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n`, /malformed end of a chunk: "c"/],
    [`${COUNTED}HTTP/1.1 200 OK`, /more than its answer/],
    [`${OK}A: ${"a".repeat(20_000)}`, /a line of more than 16384 bytes/],
    [`${OK}${"A: a\r\n".repeat(300)}`, /more than 256 lines/],
    ["HTTP/1.1 100 Continue\r\n\r\n".repeat(300), /more than 256 lines/],
  ] as const;
  for (const [text, expected] of wrong) assert.match(parse([text]).error, expected);
});

test("ResponseParser says that an answer is not complete when the connection ends", () => {
  for (const text of [CHUNKED, COUNTED]) {
    for (let cut = 0; cut < text.length; cut++) {
      const { isOver, error } = parse([text.slice(0, cut)], true);
      assert.deepEqual([isOver, error], [false, "the connection ended before the answer did"]);
    }
  }
});

test("ResponseParser ends in an answer or an error, whatever it is given", () => {
  const mutations = new Mutations(23);
  let refused = 0;
  for (let round = 0; round < 5000; round++) {
    const bytes = mutations.of(Buffer.from([CHUNKED, COUNTED, REST][round % 3] as string));
    const cut = mutations.below(bytes.length + 1);
    const { error, body } = parse([bytes.subarray(0, cut), bytes.subarray(cut)], true);
    if (error !== "") refused++;
    assert.ok(body.length <= bytes.length);
  }
  assert.ok(refused > 100, `${refused} refused`);
});
