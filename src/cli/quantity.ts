const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Bytes in at most 7 columns, three digits of them: `0 B`, `999 B`, `1.23 kB`, `45.6 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 999.5 would be shown as 1000.
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

/** A count or rate in at most 6 columns: `0`, `0.25`, `7.5`, `1234`, `56.7k`, `8.9M`. */
export function formatCount(count: number): string {
  if (count >= 999_950) return `${(count / 1e6).toFixed(1)}M`;
  if (count >= 9_999.5) return `${(count / 1e3).toFixed(1)}k`;
  if (Number.isInteger(count)) return `${count}`;
  return count.toFixed(count >= 99.95 ? 0 : count >= 9.995 ? 1 : 2);
}

/** A duration in at most 7 columns: `87 us`, `1.25 ms`, `3.4 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds >= 0.9995) return `${seconds.toFixed(seconds >= 99.95 ? 0 : 1)} s`;
  const milliseconds = seconds * 1e3;
  if (milliseconds >= 0.9995) return `${milliseconds.toFixed(milliseconds >= 9.995 ? 1 : 2)} ms`;
  return `${Math.round(seconds * 1e6)} us`;
}
