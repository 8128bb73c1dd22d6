import { isMet, type Reading, type Target } from "./bench.ts";

export interface NamedReading extends Reading {
  readonly bench: string;
}

/** The readings as lines of aligned columns. */
export function readingTable(readings: readonly NamedReading[]): string {
  const rows = [
    ["bench", "what", "target", "measured", "", "beside"],
    ...readings.map((reading) => [
      reading.bench,
      reading.what,
      reading.target === undefined ? "" : targetText(reading.target),
      `${numberText(reading.value)}${reading.unit === "" ? "" : ` ${reading.unit}`}`,
      reading.target === undefined ? "" : isMet(reading) ? "met" : "MISSED",
      reading.beside,
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) => line(row, widths)).join("\n");
}

function line(cells: readonly string[], widths: readonly number[]): string {
  // targets and values to the right, so that they can be compared
  const padded = cells.map((cell, column) =>
    column === 2 || column === 3 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
  );
  return padded.join("  ").trimEnd();
}

function targetText(target: Target): string {
  if ("atLeast" in target) return `>= ${numberText(target.atLeast)}`;
  return "atMost" in target ? `<= ${numberText(target.atMost)}` : `= ${numberText(target.exactly)}`;
}

function numberText(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString("en").replaceAll(",", " ");
  return Math.abs(value) < 10 ? value.toFixed(3) : value.toFixed(1);
}
