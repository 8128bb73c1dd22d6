/** Half of a surrogate pair, or NUL: neither has a place in valid UTF-8 text that every reader accepts. */
const UNPRINTABLE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]|\0/;
const ALL_UNPRINTABLE = new RegExp(UNPRINTABLE, "g");

/**
 * `text` as valid UTF-8 without NUL. What cannot be shown becomes U+FFFD and its code in hex, so that two values that
 * differ there stay two values.
 */
export function cleanText(text: string): string {
  if (!UNPRINTABLE.test(text)) return text;
  return text.replace(ALL_UNPRINTABLE, (unit) => `\uFFFD${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
