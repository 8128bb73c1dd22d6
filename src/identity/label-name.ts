import { isUtf8 } from "node:buffer";
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

/** Decodes bytes without loss: what is not UTF-8 becomes lone surrogates U+DC80 to U+DCFF, one per byte. */
export function textOfBytes(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString("utf8") : decodePieces(bytes);
}

/** Turns each valid character into text and each other byte into a surrogate. */
function decodePieces(bytes: Buffer): string {
  let text = "";
  for (let index = 0; index < bytes.length; ) {
    const character = bytes.subarray(index, index + characterLength(bytes[index] ?? 0));
    if (character.length > 0 && isUtf8(character)) {
      text += character.toString("utf8");
      index += character.length;
    } else {
      text += String.fromCharCode(RAW_BYTE + (bytes[index] ?? 0));
      index += 1;
    }
  }
  return text;
}

/** Bytes of the character that begins with this one; 0 where none does. */
function characterLength(first: number): number {
  return first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

function hex(code: number, digits: number): string {
  return code.toString(16).toUpperCase().padStart(digits, "0");
}

/** The first `length` units, without half a surrogate pair at the end. */
function cut(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}
