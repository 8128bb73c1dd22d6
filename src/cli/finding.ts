/** One line of `weir doctor`. */
export interface Finding {
  /** Such as `Kernel` or `Programs`. */
  readonly section: string;
  readonly subject: string;
  readonly verdict: Verdict;
  /** What was found. */
  readonly found: string;
  /** What to do about it; empty where the verdict is `ok`. */
  readonly remedy: string;
}

/** `fail`: Weir cannot do its main job. `warn`: something is missing from what it shows. */
export type Verdict = "ok" | "warn" | "fail";

/** A finding without a complaint. */
export function ok(section: string, subject: string, found: string): Finding {
  return { section, subject, verdict: "ok", found, remedy: "" };
}

/** A finding with a complaint and what to do about it. */
export function complaint(
  verdict: "warn" | "fail",
  section: string,
  subject: string,
  found: string,
  remedy: string,
): Finding {
  return { section, subject, verdict, found, remedy };
}
