/** The value of every attribute of a series that stands for those beyond a family's budget. */
export const OVERFLOW = "overflow";

/**
 * Gives each tuple of attribute values a slot, up to a budget. What comes beyond shares one overflow series and is
 * counted. Slots that are released are used again, with a new generation.
 */
export class SeriesTable {
  readonly #width: number;
  readonly #budget: number;
  readonly #now: () => number;
  readonly #slotOf = new Map<string, number>();
  readonly #values: (readonly string[])[] = [];
  readonly #generations: number[] = [];
  readonly #startsUnixMs: number[] = [];
  readonly #free: number[] = [];
  #generation = 0;
  #overflowSlot = -1;
  #overflowed = 0;

  /**
   * `width` is the number of attributes; `budget` the most series at a time, without the overflow series; `now` the
   * clock in milliseconds since the Unix epoch.
   */
  constructor(width: number, budget: number, now: () => number) {
    if (!Number.isInteger(budget) || budget < 1) {
      throw new RangeError(
        `Cannot make a series table: the budget must be a positive integer, current value is ${budget}`,
      );
    }
    this.#width = width;
    this.#budget = budget;
    this.#now = now;
  }

  /** How many slots there are, free ones included. */
  get slots(): number {
    return this.#generations.length;
  }

  /** How many series are alive, the overflow series included. */
  get live(): number {
    return this.#slotOf.size + (this.#overflowSlot < 0 ? 0 : 1);
  }

  /** How often a tuple went to the overflow series. */
  get overflowed(): number {
    return this.#overflowed;
  }

  /** The slot of a tuple. Where it has none it gets one, and `onNew` is called to reset that slot's values. */
  slotFor(values: readonly string[], onNew: (slot: number) => void): number {
    if (values.length !== this.#width) {
      throw new RangeError(
        `Cannot find a series: ${this.#width} attribute values are needed, current value is ${values.length}`,
      );
    }
    const key = keyOf(values);
    const known = this.#slotOf.get(key);
    if (known !== undefined) return known;
    if (this.#slotOf.size >= this.#budget) {
      this.#overflowed++;
      if (this.#overflowSlot < 0) {
        this.#overflowSlot = this.#begin(new Array<string>(this.#width).fill(OVERFLOW));
        onNew(this.#overflowSlot);
      }
      return this.#overflowSlot;
    }
    const slot = this.#begin([...values]);
    this.#slotOf.set(key, slot);
    onNew(slot);
    return slot;
  }

  /** Frees a tuple's slot; nothing happens where it has none. */
  release(values: readonly string[]): void {
    const key = keyOf(values);
    const slot = this.#slotOf.get(key);
    if (slot === undefined) return;
    this.#slotOf.delete(key);
    this.#generations[slot] = 0;
    this.#free.push(slot);
  }

  generation(slot: number): number {
    return this.#generations[slot] ?? 0;
  }

  attributes(slot: number): readonly string[] {
    return this.#values[slot] ?? [];
  }

  startUnixMs(slot: number): number {
    return this.#startsUnixMs[slot] ?? 0;
  }

  #begin(values: readonly string[]): number {
    const slot = this.#free.pop() ?? this.#generations.length;
    this.#generations[slot] = ++this.#generation;
    this.#values[slot] = values;
    this.#startsUnixMs[slot] = this.#now();
    return slot;
  }
}

/** Lengths come first, so that no text inside a value can make two tuples look alike. */
function keyOf(values: readonly string[]): string {
  let key = "";
  for (const value of values) key += `${value.length}:${value}`;
  return key;
}
