import type { ConfigProblem } from "./config-error.ts";
import { didYouMean } from "./nearest.ts";
import { OPTIONS, type Option } from "./option.ts";
import { type Setting, settingValue } from "./setting.ts";

/** What the command line says. */
export interface Flags {
  /** Words that are not flags: the command, if any. */
  readonly words: readonly string[];
  readonly help: boolean;
  readonly version: boolean;
  readonly configFile: string | undefined;
  readonly settings: readonly Setting[];
  readonly problems: readonly ConfigProblem[];
}

/**
 * Reads `argv` without the program's name. Both `--flag value` and `--flag=value` are understood, `--flag` alone for
 * `true`, and `--no-flag` for `false`; a list or map may be given in several flags. Never throws: see `problems`.
 */
export function readFlags(argv: readonly string[]): Flags {
  return new FlagReader(argv).read();
}

const BY_FLAG: ReadonlyMap<string, Option> = new Map(OPTIONS.map((option) => [option.flag, option]));
const NO = "--no-";

class FlagReader {
  readonly #argv: readonly string[];
  readonly #settings = new Map<string, Setting>();
  readonly #problems: ConfigProblem[] = [];
  readonly #words: string[] = [];
  #help = false;
  #version = false;
  #configFile: string | undefined;
  /** Index of the next argument. */
  #next = 0;

  constructor(argv: readonly string[]) {
    this.#argv = argv;
  }

  read(): Flags {
    for (let argument = this.#take(); argument !== undefined; argument = this.#take()) {
      if (argument.startsWith("-")) this.#readFlag(argument);
      else this.#words.push(argument);
    }
    return {
      words: this.#words,
      help: this.#help,
      version: this.#version,
      configFile: this.#configFile,
      settings: [...this.#settings.values()],
      problems: this.#problems,
    };
  }

  #readFlag(argument: string): void {
    const equals = argument.indexOf("=");
    const name = equals === -1 ? argument : argument.slice(0, equals);
    const given = equals === -1 ? undefined : argument.slice(equals + 1);
    const option = BY_FLAG.get(name);
    const negated = name.startsWith(NO) ? BY_FLAG.get(`--${name.slice(NO.length)}`) : undefined;
    if (option !== undefined) {
      this.#readOption(option, name, given);
    } else if (negated?.kind === "boolean" || negated?.kind === "switch") {
      this.#refuseValue(name, given);
      this.#set(negated, name, "false");
    } else if (name === "--config") {
      this.#readConfigFile(name, given);
    } else if (name === "--help" || name === "-h") {
      this.#refuseValue(name, given);
      this.#help = true;
    } else if (name === "--version" || name === "-V") {
      this.#refuseValue(name, given);
      this.#version = true;
    } else {
      const known = [...BY_FLAG.keys(), "--config", "--help", "--version"];
      this.#refuse(name, `unknown flag${didYouMean(name, known)}`);
      // Its value would otherwise pass for a command, and make a second problem that is none.
      if (given === undefined && this.#peek()?.startsWith("-") === false) this.#take();
    }
  }

  #readOption(option: Option, name: string, given: string | undefined): void {
    let text = given;
    if (text === undefined && option.kind === "boolean") {
      // `--spans.closed doctor` must leave the command alone.
      const next = this.#peek();
      text = next === "true" || next === "false" ? this.#take() : "true";
    }
    text ??= this.#takeValue();
    if (text) this.#set(option, name, text);
    else this.#refuse(name, `needs a value: ${option.range}`);
  }

  #readConfigFile(name: string, given: string | undefined): void {
    const path = given ?? this.#takeValue();
    if (!path) this.#refuse(name, "needs a value: a path");
    else if (this.#configFile !== undefined) this.#refuse(name, "given twice");
    else this.#configFile = path;
  }

  #set(option: Option, name: string, text: string): void {
    const { path } = option;
    const value = settingValue(option, text);
    const earlier = this.#settings.get(path)?.value;
    if (earlier !== undefined && option.kind !== "list" && option.kind !== "map") this.#refuse(name, "given twice");
    this.#settings.set(path, { path, value: joined(earlier, value), source: `flag ${name}` });
  }

  #refuseValue(name: string, given: string | undefined): void {
    if (given !== undefined) this.#refuse(name, `takes no value, got ${JSON.stringify(given)}`);
  }

  #refuse(name: string, message: string): void {
    this.#problems.push({ source: `flag ${name}`, message });
  }

  #peek(): string | undefined {
    return this.#argv[this.#next];
  }

  #take(): string | undefined {
    return this.#argv[this.#next++];
  }

  /** The next argument, unless it is a flag itself. */
  #takeValue(): string | undefined {
    return this.#peek()?.startsWith("--") === true ? undefined : this.#take();
  }
}

/** Lists and maps grow by a second flag; of anything else the later one stays. */
function joined(earlier: unknown, later: unknown): unknown {
  if (Array.isArray(earlier) && Array.isArray(later)) return [...earlier, ...later];
  if (isMap(earlier) && isMap(later)) return { ...earlier, ...later };
  return later;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
