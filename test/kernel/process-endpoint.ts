import { basename } from "node:path";

/** The kernel keeps so many characters of a program's name. */
const COMM_LENGTH = 15;

/** How the agent names a program that no container, pod or unit has. */
export function processEndpoint(program: string): string {
  return `Process/${basename(program).slice(0, COMM_LENGTH)}`;
}
