const BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;
const FORM = /^(\d+)(B|KiB|MiB|GiB)$/;

/** A size such as `8MiB` in bytes; undefined where `text` is none. */
export function parseByteSize(text: string): number | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [, amount, unit] = match;
  return Number(amount) * BYTES[unit as keyof typeof BYTES];
}
