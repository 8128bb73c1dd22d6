import { formatBytes, formatCount } from "./quantity.ts";
import { type PlacedColumn, placeColumns } from "./table-layout.ts";
import type { TableRow, TableStatus } from "./table-source.ts";
import { columnsOf, cut, showable } from "./terminal-text.ts";
import { VERSION } from "./version.ts";

// ECMA-48 control sequences. Every cell is put at its column by number, so a name whose width a terminal judges
// otherwise than we do cannot push its neighbours aside.
const CSI = "\x1b[";
const BOLD = `${CSI}1m`;
const RED = `${CSI}1;31m`;
const INVERSE = `${CSI}7m`;
const PLAIN = `${CSI}0m`;
const ERASE_LINE = `${CSI}2K`;

/** Lines above the rows: two of status, the titles. */
const HEAD = 3;

/** One full screen, as lines from the top: never more than `height`, each at most `columns` wide. */
export function tableFrame(status: TableStatus, rows: readonly TableRow[], columns: number, height: number): string[] {
  const placed = placeColumns(columns);
  const busiest = [...rows].sort(byTraffic);
  const room = Math.max(0, height - HEAD);
  // The last line says how many did not fit, so it costs one of them.
  const shown = busiest.length <= room ? busiest : busiest.slice(0, Math.max(0, room - 1));
  const lines = [
    statusLine(status, columns),
    cut(totals(status, rows), columns),
    `${INVERSE}${" ".repeat(columns)}${placed.map((column) => cell(column, column.title)).join("")}${PLAIN}`,
    ...shown.map((row) => placed.map((column) => cell(column, column.text(row, column.width))).join("")),
  ];
  if (shown.length < rows.length) lines.push(cut(`… ${rows.length - shown.length} more`, columns));
  return lines.slice(0, height).map((line) => `${ERASE_LINE}${line}${PLAIN}`);
}

function statusLine({ nodeName, metricsUrl, notReady, lostRecords }: TableStatus, columns: number): string {
  const ready = notReady.length === 0 ? "ready" : `not ready: ${notReady.join(", ")}`;
  const lost = lostRecords === 0 ? "" : ` - ${formatCount(lostRecords)} RECORDS LOST`;
  const alarming = notReady.length > 0 || lostRecords > 0;
  const text = cut(showable(`weir ${VERSION} - ${nodeName} - ${ready}${lost} - ${metricsUrl}`), columns);
  return `${alarming ? RED : BOLD}${text}${PLAIN}`;
}

function totals({ lostRecords }: TableStatus, rows: readonly TableRow[]): string {
  const sum = (value: (row: TableRow) => number) => rows.reduce((total, row) => total + value(row), 0);
  return [
    `${formatCount(rows.length)} edges`,
    `${formatCount(sum((row) => row.connectionsPerSecond))} conn/s`,
    `${formatCount(sum((row) => row.active))} active`,
    `${formatCount(sum((row) => row.failed))} failed`,
    `requests ${formatBytes(sum((row) => row.requestBytesPerSecond))}/s`,
    `responses ${formatBytes(sum((row) => row.responseBytesPerSecond))}/s`,
    `${formatCount(lostRecords)} records lost`,
  ].join(" - ");
}

function cell({ at, width, align }: PlacedColumn, text: string): string {
  const fitted = cut(text, width);
  const start = align === "left" ? at : at + width - columnsOf(fitted);
  return `${CSI}${start}G${fitted}`;
}

/** Most bytes first; among equals most connections, then by name, so that still lines stay where they are. */
function byTraffic(a: TableRow, b: TableRow): number {
  return (
    bytes(b) - bytes(a) ||
    b.connectionsPerSecond - a.connectionsPerSecond ||
    b.active - a.active ||
    compare(sortName(a), sortName(b))
  );
}

function bytes(row: TableRow): number {
  return row.requestBytesPerSecond + row.responseBytesPerSecond;
}

function sortName({ client, server, service, port }: TableRow): string {
  return [client.namespace, client.workload, server.namespace, server.workload, service, port].join("\0");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
