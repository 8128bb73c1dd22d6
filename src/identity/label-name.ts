import { createHash } from "node:crypto";

/** Longest name given out, in UTF-16 units. */
const MAX_LENGTH = 128;

/**
 * What no label should hold: control and format characters (line breaks, direction marks, zero widths), surrogates without a
 * partner, private and unassigned ones, every space but the plain one, and ‹ itself, so that a replaced character can be told from a written one.
 */
const UNFIT = /[\p{C}\p{Zl}\p{Zp}‹\ufffd]|(?! )\p{Zs}/gu;

/** Bytes that are not UTF-8, as `textOfBytes` carries them. */
const RAW_BYTE = 0xdc00;

/**
 * Makes a name of unknown origin fit for a metric label and a terminal: printable, at most 128 long, and distinct
 * for distinct names. A newline becomes `‹U+000A›`, a byte that is not UTF-8 `‹xFF›`; fit names come back unchanged.
 */
export function labelName(text: string): string {
  const fit = text.replace(UNFIT, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code >= RAW_BYTE + 0x80 && code <= RAW_BYTE + 0xff) return `‹x${hex(code - RAW_BYTE, 2)}›`;
    return `‹U+${hex(code, 4)}›`;
  });
  if (fit.length <= MAX_LENGTH) return fit;
  const digest = createHash("sha256").update(fit).digest("hex").slice(0, 12);
  return `${cut(fit, MAX_LENGTH - 13)}…${digest}`;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Decodes bytes without loss: what is not UTF-8 becomes lone surrogates U+DC80 to U+DCFF, one per byte. */
export function textOfBytes(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    return decodePieces(bytes);
  }
}

/** Turns each longest valid sequence into text and each other byte into a surrogate. */
function decodePieces(bytes: Uint8Array): string {
  let text = "";
  for (let index = 0; index < bytes.length; ) {
    const length = validLength(bytes, index);
    if (length > 0) text += UTF8.decode(bytes.subarray(index, index + length));
    else text += String.fromCharCode(RAW_BYTE + (bytes[index] ?? 0));
    index += Math.max(1, length);
  }
  return text;
}

/** Bytes of the character at `index`, 0 where it is none. */
function validLength(bytes: Uint8Array, index: number): number {
  const first = bytes[index] ?? 0;
  const length = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (length <= 1) return length;
  try {
    UTF8.decode(bytes.subarray(index, index + length));
    return length;
  } catch {
    return 0;
  }
}

function hex(code: number, digits: number): string {
  return code.toString(16).toUpperCase().padStart(digits, "0");
}

/** The first `length` units, without half a surrogate pair at the end. */
function cut(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}
