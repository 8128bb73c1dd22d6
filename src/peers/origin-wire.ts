import { parseAddress } from "../identity/address-text.ts";
import type { AddressWords } from "../identity/endpoint.ts";
import { formatAddress } from "../identity/format-address.ts";
import type { ForwardedConnection, Origin } from "../identity/forwarded-connection.ts";

/** Connections in one question at most. */
export const MAX_QUESTIONS = 512;
/** Bytes of a question or an answer at most: `MAX_QUESTIONS` of the longest addresses and ports. */
export const MAX_BODY_BYTES = 128 * 1024;

/** What is not a question or an answer as another agent would write it. */
export class WireError extends Error {}

/** `[["10.244.1.5",8080,"192.0.2.1",40123],…]`: the server and its port, where it comes from and that port. */
export function writeQuestions(connections: readonly ForwardedConnection[]): string {
  return JSON.stringify(
    connections.map((it) => [formatAddress(it.server), it.serverPort, formatAddress(it.from), it.fromPort]),
  );
}

/** @throws {WireError} */
export function readQuestions(text: string): ForwardedConnection[] {
  return readList(text, MAX_QUESTIONS).map((item) => {
    const [server, serverPort, from, fromPort] = readTuple(item, 4);
    return {
      server: readAddress(server),
      serverPort: readPort(serverPort),
      from: readAddress(from),
      fromPort: readPort(fromPort),
    };
  });
}

/** `[["203.0.113.9","192.0.2.1",30080],null,…]`: the client, and the address and port that it asked for; one for each question. */
export function writeOrigins(origins: readonly (Origin | undefined)[]): string {
  return JSON.stringify(
    origins.map((it) => (it === undefined ? null : [formatAddress(it.client), formatAddress(it.address), it.port])),
  );
}

/** @throws {WireError} where it is no list of `length` origins. */
export function readOrigins(text: string, length: number): (Origin | undefined)[] {
  const list = readList(text, length);
  if (list.length !== length) throw new WireError(`Cannot read ${list.length} origins: asked for ${length}`);
  return list.map((item) => {
    if (item === null) return undefined;
    const [client, address, port] = readTuple(item, 3);
    return { client: readAddress(client), address: readAddress(address), port: readPort(port) };
  });
}

function readTuple(item: unknown, length: number): unknown[] {
  if (Array.isArray(item) && item.length === length) return item as unknown[];
  throw new WireError(`Cannot read ${JSON.stringify(item)}: needs a list of ${length}`);
}

function readList(text: string, maxLength: number): unknown[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw new WireError("Cannot read what is not JSON");
  }
  if (!Array.isArray(list)) throw new WireError("Cannot read what is not a list");
  if (list.length > maxLength) throw new WireError(`Cannot read ${list.length} items: ${maxLength} at most`);
  return list;
}

function readAddress(value: unknown): AddressWords {
  const address = typeof value === "string" ? parseAddress(value) : undefined;
  if (address === undefined) throw new WireError(`Cannot read ${JSON.stringify(value)} as an address`);
  return address;
}

function readPort(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value > 0 && value <= 0xffff) return value;
  throw new WireError(`Cannot read ${JSON.stringify(value)} as a port`);
}
