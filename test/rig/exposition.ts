/** One line of an exposition. */
export interface Sample {
  /** With the suffix: `…_total`, `…_bucket`, `…_sum`, `…_count`. */
  readonly name: string;
  /** Unescaped. */
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What labels must be: exactly this, or matching that. Labels that are not named may be anything. */
export type LabelPattern = Readonly<Record<string, string | RegExp>>;

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,?)/y;
const VALUE = /(NaN|[+-]Inf|[+-]?[0-9.]+(?:e[+-]?[0-9]+)?)$/y;
const ESCAPED: Readonly<Record<string, string>> = { "\\\\": "\\", '\\"': '"', "\\n": "\n" };

/** Every sample of an exposition in Prometheus's text format. Throws with the first line that is not in that format. */
export function parseExposition(text: string): Sample[] {
  if (text !== "" && !text.endsWith("\n")) throw new Error("Cannot read the exposition: its last line has no end");
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map(parseSample);
}

export function matches(sample: Sample, name: string, labels: LabelPattern = {}): boolean {
  if (sample.name !== name) return false;
  return Object.entries(labels).every(([label, wanted]) => {
    const value = sample.labels[label] ?? "";
    return typeof wanted === "string" ? value === wanted : wanted.test(value);
  });
}

function parseSample(line: string): Sample {
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(line);
    if (match !== null) at += match[0].length;
    return match;
  };
  const name = take(NAME)?.[0];
  const labels: Record<string, string> = {};
  if (line[at] === "{") {
    at++;
    let more = true;
    for (let label = take(LABEL); label !== null; label = more ? take(LABEL) : null) {
      const [, key = "", value = "", comma] = label;
      if (key in labels) throw new Error(`Cannot read the exposition: label ${key} comes twice in ${line}`);
      labels[key] = value.replace(/\\[\\"n]/g, (pair) => ESCAPED[pair] ?? pair);
      more = comma === ",";
    }
    if (line[at++] !== "}") throw new Error(`Cannot read the exposition: no labels at column ${at} of ${line}`);
  }
  const value = line[at++] === " " ? take(VALUE)?.[1] : undefined;
  if (name === undefined || value === undefined) throw new Error(`Cannot read the exposition: ${line}`);
  return { name, labels, value: Number(value.replace("Inf", "Infinity")) };
}
