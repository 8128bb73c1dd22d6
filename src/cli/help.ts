import { DEFAULT_CONFIG_FILE } from "../config/load-config.ts";
import { OPTIONS, type Option } from "../config/option.ts";
import { COMMANDS } from "./command.ts";

const INDENT = 6;

/** What `weir --help` prints: every command and every option, from the schema. `columns` is the width to wrap at. */
export function helpText(columns = 100): string {
  const lines = [
    "Usage: weir [command] [flags]",
    "",
    "Shows which workload talks to which through which Service, as the kernel sees it.",
    "",
    "Commands:",
    ...COMMANDS.flatMap(({ name, description }) => entry(name, description, columns)),
    "",
    "Flags:",
    ...entry("--config PATH", `The configuration file. Default: ${DEFAULT_CONFIG_FILE}, where there is one.`, columns),
    ...entry("--help, -h", "Prints this.", columns),
    ...entry("--version, -V", "Prints the version.", columns),
    "",
    "Settings. Each can be a flag, a variable or a key of the YAML file; a flag wins over a variable, and that over the file.",
  ];
  for (const option of OPTIONS) {
    lines.push("", `  ${option.flag} ${placeholder(option)}`);
    lines.push(...wrap(option.description, columns - INDENT).map(indent));
    lines.push(indent(`Default: ${option.defaultText}`));
    lines.push(indent(`Key ${option.path}, variable ${option.variable}`));
  }
  return `${lines.join("\n")}\n`;
}

function placeholder({ kind, range, unit }: Option): string {
  if (kind === "boolean") return "[true | false]";
  return unit === "" ? range : `${unit.toUpperCase()} (${range})`;
}

function entry(name: string, description: string, columns: number): string[] {
  return [`  ${name}`, ...wrap(description, columns - INDENT).map(indent)];
}

function indent(line: string): string {
  return " ".repeat(INDENT) + line;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
