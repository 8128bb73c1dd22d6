const CR = 13;
const LF = 10;
const MAX_LINE_BYTES = 16_384;
/** Of a response's head, and of what follows its last chunk. */
const MAX_LINES = 256;

/** The status and the headers of a response; names in lower case, several values of one joined by `, `. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
}

/** Who is told of a response. What they throw comes out of `push()`. */
export interface ResponseSink {
  onHead(head: ResponseHead): void;
  /** A part of the body, valid during the call. */
  onBody(bytes: Buffer): void;
  onEnd(): void;
}

type Part =
  | "status"
  | "headers"
  /** A body, or a chunk of one, of which `#left` bytes are to come. */
  | "body"
  | "chunk"
  | "chunk end"
  | "chunk size"
  | "trailers"
  /** A body that lasts until the connection ends. */
  | "rest"
  | "over";

/**
 * Cuts the answer to one GET out of a connection's bytes: HTTP/1.1 and 1.0 as of RFC 9112. Strict: what could be read in two ways
 * is an error.
 */
export class ResponseParser {
  readonly #sink: ResponseSink;
  #part: Part = "status";
  #left = 0;
  /** Of a line, what has come before. */
  #line = "";
  #lines = 0;
  #status = 0;
  #headers = new Map<string, string>();
  #keepsConnection = false;

  constructor(sink: ResponseSink) {
    this.#sink = sink;
  }

  /** Whether the response is complete, and the connection may carry another. */
  get isReusable(): boolean {
    return this.#part === "over" && this.#keepsConnection;
  }

  /** Throws an Error that says what is wrong, after which nothing makes sense. */
  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      switch (this.#part) {
        case "body":
        case "chunk": {
          const end = Math.min(bytes.length, at + this.#left);
          this.#left -= end - at;
          this.#sink.onBody(bytes.subarray(at, end));
          at = end;
          if (this.#left > 0) return;
          if (this.#part === "chunk") this.#part = "chunk end";
          else this.#over();
          break;
        }
        case "rest":
          this.#sink.onBody(bytes.subarray(at));
          return;
        case "over":
          throw new Error("the server sent more than its answer");
        default:
          at = this.#readLine(bytes, at);
      }
    }
  }

  /** The connection has ended. Throws an Error where the response is not complete. */
  end(): void {
    if (this.#part === "rest") this.#over();
    else if (this.#part !== "over") throw new Error("the connection ended before the answer did");
  }

  /** Returns where the line ends, or the bytes do. */
  #readLine(bytes: Buffer, start: number): number {
    const newline = bytes.indexOf(LF, start);
    const end = newline === -1 ? bytes.length : newline;
    if (this.#line.length + end - start > MAX_LINE_BYTES) {
      throw new Error(`the answer has a line of more than ${MAX_LINE_BYTES} bytes`);
    }
    this.#line += bytes.toString("latin1", start, end);
    if (newline === -1) return end;
    const line = this.#line;
    this.#line = "";
    if (line.charCodeAt(line.length - 1) !== CR) throw malformed("line", line);
    this.#takeLine(line.slice(0, -1));
    return newline + 1;
  }

  #takeLine(line: string): void {
    switch (this.#part) {
      case "status":
        this.#takeStatus(line);
        break;
      case "headers":
        this.#countLine();
        if (line === "") this.#takeHead();
        else this.#takeHeader(line);
        break;
      case "chunk size":
        this.#takeChunkSize(line);
        break;
      case "chunk end":
        if (line !== "") throw malformed("end of a chunk", line);
        this.#part = "chunk size";
        break;
      default: // trailers, which say nothing that matters here
        this.#countLine();
        if (line === "") this.#over();
    }
  }

  #countLine(): void {
    if (++this.#lines > MAX_LINES) throw new Error(`the answer has more than ${MAX_LINES} lines of headers`);
  }

  #takeStatus(line: string): void {
    const [, minor, status] = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: |$)/.exec(line) ?? [];
    if (status === undefined) throw malformed("status line", line);
    this.#keepsConnection = minor === "1";
    this.#status = Number(status);
    this.#part = "headers";
  }

  #takeHeader(line: string): void {
    const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw malformed("header", line);
    const key = name.toLowerCase();
    const before = this.#headers.get(key);
    this.#headers.set(key, before === undefined ? value : `${before}, ${value}`);
  }

  #takeHead(): void {
    const [status, headers] = [this.#status, this.#headers];
    this.#part = "status";
    if (status === 101) throw new Error("the server wants to speak another protocol, which nobody asked for");
    this.#headers = new Map();
    if (status < 200) return; // on the way to the answer
    this.#lines = 0;
    if (/(^|,)\s*close\s*(,|$)/i.test(headers.get("connection") ?? "")) this.#keepsConnection = false;
    this.#part = this.#framing(status, headers);
    this.#sink.onHead({ status, headers });
    if (this.#part === "body" && this.#left === 0) this.#over();
  }

  #framing(status: number, headers: ReadonlyMap<string, string>): Part {
    const [coding, length] = [headers.get("transfer-encoding"), headers.get("content-length")];
    if (status === 204 || status === 304) return "body";
    if (coding !== undefined) {
      if (length !== undefined || coding.toLowerCase() !== "chunked") throw malformed("transfer-encoding", coding);
      return "chunk size";
    }
    if (length === undefined) {
      this.#keepsConnection = false;
      return "rest";
    }
    if (!/^\d{1,15}$/.test(length)) throw malformed("content-length", length);
    this.#left = Number(length);
    return "body";
  }

  #takeChunkSize(line: string): void {
    const [, size] = /^([\da-f]{1,12})[ \t]*(?:;|$)/i.exec(line) ?? [];
    if (size === undefined) throw malformed("size of a chunk", line);
    this.#left = Number.parseInt(size, 16);
    this.#part = this.#left === 0 ? "trailers" : "chunk";
  }

  #over(): void {
    this.#part = "over";
    this.#sink.onEnd();
  }
}

function malformed(what: string, text: string): Error {
  return new Error(`the answer has a malformed ${what}: ${JSON.stringify(text.slice(0, 100))}`);
}
