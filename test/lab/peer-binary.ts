import { compiledProgram } from "./compiled-program.ts";

/** Path of the compiled `peer.c`. */
export function peerBinary(): Promise<string> {
  return compiledProgram("peer.c");
}
