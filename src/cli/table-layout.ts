import type { Endpoint } from "../identity/endpoint.ts";
import { formatBytes, formatCount, formatSeconds } from "./quantity.ts";
import type { TableRow } from "./table-source.ts";
import { columnsOf, cut, showable } from "./terminal-text.ts";

/** One column of the table as it is laid out on a terminal of a certain width. */
export interface PlacedColumn extends Column {
  /** First column of the terminal, from 1. */
  readonly at: number;
  readonly width: number;
}

interface Column {
  readonly title: string;
  readonly align: "left" | "right";
  /** Showable text; `width` is for those that shorten themselves. */
  readonly text: (row: TableRow, width: number) => string;
}

const TEXTS: readonly Column[] = [
  { title: "CLIENT", align: "left", text: (row) => endpointText(row.client) },
  { title: "SERVER", align: "left", text: (row) => endpointText(row.server) },
  { title: "SERVICE:PORT", align: "left", text: serviceText },
];

/** Widest number first; `rank` 0 never leaves, the highest leaves first where the terminal is narrow. */
const NUMBERS: readonly (Column & { readonly width: number; readonly rank: number })[] = [
  number("CONN/S", 6, 2, (row) => formatCount(row.connectionsPerSecond)),
  number("ACTIVE", 6, 4, (row) => formatCount(row.active)),
  number("FAILED", 6, 1, (row) => formatCount(row.failed)),
  number("REQ/S", 8, 0, (row) => formatBytes(row.requestBytesPerSecond)),
  number("RESP/S", 8, 0, (row) => formatBytes(row.responseBytesPerSecond)),
  number("CONN P50", 8, 3, ({ connectP50Seconds: p50 }) => (p50 === undefined ? "-" : formatSeconds(p50))),
];

const GAP = 2;
const LEAST_TEXT = 12;
/** Shares of what the numbers leave. */
const SHARES = [0.37, 0.37, 0.26];

/** Places as many columns as fit: names shrink first, then numbers leave by their rank. */
export function placeColumns(columns: number): PlacedColumn[] {
  const least = TEXTS.length * (LEAST_TEXT + GAP);
  let numbers = [...NUMBERS];
  const widthOf = () => numbers.reduce((sum, { width }) => sum + width + GAP, 0) - GAP;
  for (let rank = 4; rank > 0 && widthOf() + least > columns; rank--) {
    numbers = numbers.filter((column) => column.rank < rank);
  }
  const left = Math.max(0, columns - widthOf() - TEXTS.length * GAP);
  const placed: PlacedColumn[] = [];
  let at = 1;
  const place = (column: Column, width: number) => {
    if (width > 0 && at + width - 1 <= columns) placed.push({ ...column, at, width });
    at += width + GAP;
  };
  TEXTS.forEach((column, index) => {
    place(column, Math.floor(left * (SHARES[index] ?? 0)));
  });
  // What rounding left over goes before the numbers, so that they end at the edge.
  at = Math.max(at, columns - widthOf() + 1);
  for (const column of numbers) place(column, column.width);
  return placed;
}

function number(title: string, width: number, rank: number, text: (row: TableRow) => string) {
  return { title, width, rank, text, align: "right" } as const;
}

/** A port is worth more than a Service's last letters. */
function serviceText({ service, port }: TableRow, width: number): string {
  const end = showable(`:${port}`);
  return `${cut(showable(service), width - columnsOf(end))}${end}`;
}

/** The kind comes last: it is what a narrow column can lose. */
function endpointText({ kind, namespace, workload }: Endpoint): string {
  return showable(`${namespace === "" ? "" : `${namespace}/`}${workload} ${kind}`.trim());
}
