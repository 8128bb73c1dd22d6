const MILLISECONDS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const FORM = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;

/** A duration such as `250ms`, `10s`, `15m` or `1.5h` in milliseconds; undefined where `text` is none. */
export function parseDurationMs(text: string): number | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [, amount, unit] = match;
  return Number(amount) * MILLISECONDS[unit as keyof typeof MILLISECONDS];
}
