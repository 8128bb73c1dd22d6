/** Writes protobuf, independently of the reader under test: each function gives the bytes of one field. */

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const more = rest > 0x7fn;
    bytes.push(Number(rest & 0x7fn) | (more ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

export function number(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

/** Text, raw bytes, or the fields of a message. */
export function bytes(field: number, value: string | Buffer | readonly Buffer[]): Buffer {
  const body = typeof value === "string" ? Buffer.from(value) : Buffer.isBuffer(value) ? value : Buffer.concat(value);
  return Buffer.concat([varint(field * 8 + 2), varint(body.length), body]);
}

export function fixed(field: number, size: 4 | 8): Buffer {
  return Buffer.concat([varint(field * 8 + (size === 4 ? 5 : 1)), Buffer.alloc(size, 0xab)]);
}
