import type { AttributeKey } from "./family.ts";

/** What every family is made from. */
export interface FamilyOptions {
  /** OpenTelemetry name, such as `weir.agent.lost_records`. */
  readonly name: string;
  readonly description: string;
  /** UCUM unit; empty where there is none. */
  readonly unit: string;
  readonly attributeKeys: readonly AttributeKey[];
  /** The most series at a time, without the overflow series; 1000 where it is not given. */
  readonly maxSeries?: number;
  /** Clock in milliseconds since the Unix epoch. */
  readonly now?: () => number;
}

export const DEFAULT_MAX_SERIES = 1000;
