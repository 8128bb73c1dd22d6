import { spawn } from "node:child_process";
import { once } from "node:events";
import { toolPath } from "./tools.ts";

/**
 * What `promtool check metrics` says about an exposition in the text format, one complaint per element; empty when it is clean.
 * Syntax errors and lint findings alike. Builds promtool first where that was never done.
 */
export async function checkMetrics(exposition: string): Promise<string[]> {
  const child = spawn(await toolPath("prometheus", "promtool"), ["check", "metrics"], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  // It stops reading at a syntax error; its exit code then tells.
  child.stdin.on("error", () => {});
  child.stdin.end(exposition);
  const [code] = (await once(child, "close")) as [number | null];
  const complaints = output.split("\n").filter((line) => line.trim() !== "");
  if (code !== 0 && complaints.length === 0) complaints.push(`promtool ended with ${code}`);
  return complaints;
}
