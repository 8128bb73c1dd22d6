import type { Writable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Registry } from "prom-client";
import { ChunkRing } from "./chunk-ring.ts";
import { FamilyMetric } from "./family-metric.ts";
import type { FamilyText } from "./family-text.ts";

/** Of the text format 0.0.4. OpenMetrics is never offered: prom-client would rename its counters for good. */
export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Lines between two looks at the clock. */
const LINES_PER_SLICE = 256;
/** Longest time on the event loop at a stretch. */
const TURN_MS = 4;

/**
 * Writes the text of all metrics of a registry and ends the stream. The event loop runs in between, so values at the
 * end may be some milliseconds younger than those at the beginning. Rejects where the stream breaks.
 */
export async function writeExposition(registry: Registry, stream: Writable): Promise<void> {
  const ring = new ChunkRing(stream);
  for (const metric of registry.getMetricsAsArray() as unknown as ({ readonly name: string } | FamilyMetric)[]) {
    if (metric instanceof FamilyMetric) {
      await writeFamily(metric.text, ring);
    } else {
      await ring.text(`${await registry.getSingleMetricAsString(metric.name)}\n`);
    }
  }
  await ring.end();
}

async function writeFamily(text: FamilyText, ring: ChunkRing): Promise<void> {
  await ring.text(text.header);
  const { family } = text;
  const slotsPerSlice = Math.max(1, Math.floor(LINES_PER_SLICE / text.linesPerSeries));
  let turnBeganMs = performance.now();
  for (let slot = 0; slot < family.slots; ) {
    const until = Math.min(slot + slotsPerSlice, family.slots);
    const next = text.render(slot, until, ring.current);
    if (next < until) await ring.advance(text.spaceFor(next));
    slot = next;
    if (performance.now() - turnBeganMs > TURN_MS) {
      await nextTurn();
      turnBeganMs = performance.now();
    }
  }
}
