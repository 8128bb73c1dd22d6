const VARIABLE = "WEIR_TEST_PATIENCE";

/**
 * How many times slower than a quiet machine of today this one is, 1 by default. Deadlines, and pauses between looks, are
 * multiplied by it; counts are not. Set by `WEIR_TEST_PATIENCE` where the machine is known to be slow, as an emulated one is.
 */
export const PATIENCE = readPatience(process.env[VARIABLE]);

function readPatience(text: string | undefined): number {
  const factor = Number(text || 1);
  if (factor >= 1 && factor < Number.POSITIVE_INFINITY) return factor;
  throw new Error(`Cannot use ${VARIABLE}: needed is a number from 1 on, its value is ${text}`);
}
