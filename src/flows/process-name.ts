import { textOfBytes } from "../identity/label-name.ts";
import type { TcpRecords } from "../kernel/tcp-records.ts";

/** The name of a record's process, without loss: see `textOfBytes()`. Empty for what was born in softirq. */
export function processName(records: TcpRecords, index: number): string {
  const { buffer, byteOffset, length } = records.comm(index);
  return textOfBytes(Buffer.from(buffer, byteOffset, length));
}
