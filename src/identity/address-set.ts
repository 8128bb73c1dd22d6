import { AddressTable } from "./address-table.ts";
import type { AddressWords } from "./endpoint.ts";

/** A set of addresses; lookups allocate nothing. */
export class AddressSet {
  readonly #table = new AddressTable<true>();

  get size(): number {
    return this.#table.size;
  }

  add(address: AddressWords): void {
    this.#table.set(address, true);
  }

  has(address: AddressWords): boolean {
    return this.#table.get(address) !== undefined;
  }

  clear(): void {
    this.#table.clear();
  }
}
