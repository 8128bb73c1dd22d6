import type { BackendSource } from "../../src/flows/backend-finder.ts";
import { formatAddress } from "../../src/identity/format-address.ts";
import type { ConntrackLayout } from "../../src/kernel/addon.ts";
import { ConntrackAnswers } from "../../src/kernel/conntrack-answers.ts";
import type { ConntrackTuples } from "../../src/kernel/conntrack-tuples.ts";

/** A layout that no compiler made, so that flows are tested without the addon. */
const LAYOUT: ConntrackLayout = {
  tupleBytes: 44,
  answerBytes: 96,
  tuple: { transport: 1, destinationPort: 2, sourcePort: 6, destination: 8, source: 28 },
  answer: { reply: 0, original: 44, error: 92 },
  absent: 77,
};

/** A table of translated IPv4 connections that a test fills. Questions are answered by `answer()`, not before. */
export class ConntrackTable implements BackendSource {
  readonly layout = LAYOUT;
  /** `CLIENT:PORT>SERVICE:PORT` to `BACKEND:PORT`, or to `BACKEND:PORT>NODE:PORT` where the client is masqueraded. */
  readonly entries = new Map<string, string>();
  /** What was asked, by crossing. */
  readonly asked: string[][] = [];
  credit = Number.POSITIVE_INFINITY;
  refused = 0;
  readonly #pending: { resolve: (answers: ConntrackAnswers) => void; reject: (error: Error) => void }[] = [];

  admit(): boolean {
    if (this.credit > 0) {
      this.credit--;
      return true;
    }
    this.refused++;
    return false;
  }
  refuse(): void {
    this.refused++;
  }

  lookup(tuples: ConntrackTuples): Promise<ConntrackAnswers> {
    const view = new DataView(tuples.bytes.slice().buffer);
    const questions = Array.from({ length: tuples.length }, (_, index) => {
      const at = index * LAYOUT.tupleBytes;
      const { source, destination, sourcePort, destinationPort } = LAYOUT.tuple;
      const end = (address: number, port: number) => `${text(view, at + address)}:${view.getUint16(at + port, true)}`;
      return `${end(source, sourcePort)}>${end(destination, destinationPort)}`;
    });
    this.asked.push(questions);
    return new Promise((resolve, reject) => this.#pending.push({ resolve, reject }));
  }

  /** Answers the crossing that has waited longest, or fails it. */
  async answer(error?: Error): Promise<void> {
    const pending = this.#pending.shift();
    const questions = this.asked[this.asked.length - 1 - this.#pending.length];
    if (pending === undefined || questions === undefined) throw new Error("nothing was asked");
    if (error === undefined) pending.resolve(this.#answersTo(questions));
    else pending.reject(error);
    await new Promise(setImmediate);
  }

  #answersTo(questions: readonly string[]): ConntrackAnswers {
    const view = new DataView(new ArrayBuffer(questions.length * LAYOUT.answerBytes));
    for (const [index, question] of questions.entries()) {
      const at = index * LAYOUT.answerBytes;
      const backend = this.entries.get(question);
      const [client = "", asked = ""] = question.split(">");
      const [from = "", to = client] = backend?.split(">") ?? [];
      const { answer, tuple, absent } = LAYOUT;
      view.setUint32(at + answer.error, backend === undefined ? absent : 0, true);
      if (backend === undefined) continue;
      write(view, at + answer.original, tuple.destination, tuple.destinationPort, asked);
      write(view, at + answer.reply, tuple.source, tuple.sourcePort, from);
      write(view, at + answer.reply, tuple.destination, tuple.destinationPort, to);
    }
    return new ConntrackAnswers(LAYOUT, view.buffer);
  }
}

function text(view: DataView, at: number): string {
  const [w0, w1, w2, w3] = [0, 4, 8, 12].map((offset) => view.getUint32(at + offset, true)) as [
    number,
    number,
    number,
    number,
  ];
  return formatAddress({ w0, w1, w2, w3 });
}

function write(view: DataView, at: number, address: number, port: number, end: string): void {
  const [ip = "", number] = end.split(":");
  const word = ip.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
  view.setUint32(at + address + 8, 0xffff, true);
  view.setUint32(at + address + 12, word, true);
  view.setUint16(at + port, Number(number), true);
}
