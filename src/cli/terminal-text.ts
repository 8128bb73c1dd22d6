/**
 * Everything a terminal might act on instead of showing: control characters, bidirectional and zero-width marks, line
 * separators, lone surrogates, and what Unicode has not assigned.
 */
const UNSHOWABLE = /[\p{C}\u2028\u2029]/gu;

/** Marks that pile up on one letter; two are language, more are an attack on the lines around. */
const PILED_MARKS = /([\p{Mn}\p{Me}]{2})[\p{Mn}\p{Me}]+/gu;

/** Two columns wide by East Asian Width, in whole blocks. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

const ZERO_WIDTH = /[\p{Mn}\p{Me}]/u;

/** `text` with a replacement character for whatever could do something to a terminal. */
export function showable(text: string): string {
  return text.replaceAll(UNSHOWABLE, "\ufffd").replaceAll(PILED_MARKS, "$1");
}

/** How many columns of a terminal showable `text` takes. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += widthOf(character);
  return columns;
}

/** Showable `text` in at most `columns` columns, with `…` in place of what was cut off its end. */
export function cut(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let kept = "";
  let left = columns - 1;
  for (const character of text) {
    left -= widthOf(character);
    if (left < 0) break;
    kept += character;
  }
  return columns < 1 ? "" : `${kept}…`;
}

function widthOf(character: string): number {
  if (character < "\u0300") return 1;
  if (ZERO_WIDTH.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
