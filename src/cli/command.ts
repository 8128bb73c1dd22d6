import type { ConfigProblem } from "../config/config-error.ts";
import { didYouMean } from "../config/nearest.ts";

/** What the first word of the command line may be. */
export const COMMANDS = [
  { name: "run", description: "Watches this host and serves its metrics until SIGINT or SIGTERM. The default." },
  { name: "doctor", description: "Prints what Weir finds on this host, and what to do about what is missing." },
] as const;

export type CommandName = (typeof COMMANDS)[number]["name"];

/** The command that the words of a command line name. Words that name none become problems. */
export function readCommand(words: readonly string[], problems: ConfigProblem[]): CommandName {
  const [word, ...more] = words;
  if (more.length > 0) {
    problems.push({ source: "command line", message: `one command at a time, but got also ${quoted(more)}` });
  }
  if (word === undefined) return "run";
  const command = COMMANDS.find(({ name }) => name === word);
  if (command === undefined) {
    const hint = didYouMean(
      word,
      COMMANDS.map(({ name }) => name),
    );
    problems.push({ source: "command line", message: `unknown command ${quoted([word])}${hint}` });
  }
  return command?.name ?? "run";
}

function quoted(words: readonly string[]): string {
  return words.map((word) => JSON.stringify(word)).join(", ");
}
