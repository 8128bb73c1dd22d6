const VARIABLE = "WEIR_TEST_SLOWNESS";

/**
 * How many times slower than a quiet machine of today this one is, 1 by default. Pauses between looks are multiplied by it.
 * Set by `WEIR_TEST_SLOWNESS` where the machine is known to be slow, as an emulated one is.
 */
export const SLOWNESS = readSlowness(process.env[VARIABLE]);

/**
 * Deadlines are multiplied by this. A shared machine may stand still for many seconds now and then, and a deadline that is
 * never met costs nothing to extend.
 */
export const PATIENCE = Math.max(4, SLOWNESS);

function readSlowness(text: string | undefined): number {
  const factor = Number(text || 1);
  if (factor >= 1 && factor < Number.POSITIVE_INFINITY) return factor;
  throw new Error(`Cannot use ${VARIABLE}: needed is a number from 1 on, its value is ${text}`);
}
