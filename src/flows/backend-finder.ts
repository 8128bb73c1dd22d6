import type { AddressWords, RemoteAnswer } from "../identity/endpoint.ts";
import type { BackendSocket, NodePortFinder } from "../identity/node-port-connection.ts";
import type { Conntrack } from "../kernel/conntrack.ts";
import type { ConntrackAnswers } from "../kernel/conntrack-answers.ts";
import { type ConntrackAddress, type ConntrackTuple, ConntrackTuples } from "../kernel/conntrack-tuples.ts";
import type { TcpRecords } from "../kernel/tcp-records.ts";
import { localAddress, remoteAddress } from "./attribution.ts";

/** Questions in one crossing to the kernel, which take it some 4 ms, off the event loop. */
const MAX_QUESTIONS = 1024;

export type BackendSource = Pick<Conntrack, "layout" | "admit" | "refuse" | "lookup">;

/** Where connections wait to hear who answered. A place is used again and again. */
export interface BackendPlaces {
  readonly capacity: number;
  /** The record of what waits in a place: `index` of `records`. */
  readonly records: (place: number) => TcpRecords;
  readonly index: (place: number) => number;
  /** Who was at the address to which the connection in a place was translated. */
  readonly resolve: (address: AddressWords, port: number, place: number) => RemoteAnswer;
  /** The same once more, for an answer that was not settled. */
  readonly resolveAgain: (address: AddressWords, place: number) => RemoteAnswer;
  /** There is an answer, or there will be none. */
  readonly onAnswer: (place: number) => void;
  /** Told of what went wrong in one of the above. */
  readonly onError: (error: unknown) => void;
}

/**
 * Finds which backends answered for Services' addresses, by the kernel's connection tracking. Each connection is asked about once,
 * at the end of the batch of records that it came with, when its other half has not shown up on this host: soon, for the table
 * forgets connections that a reset ended after 10 seconds. One that this node has not translated went to another node's port:
 * then that node is asked, with the address that it got the connection from.
 */
export class BackendFinder {
  readonly #source: BackendSource;
  readonly #places: BackendPlaces;
  readonly #nodePorts: NodePortFinder | undefined;
  /** Odd while the place's connection waits for an answer, even else; every change is a step. */
  readonly #tickets: Uint32Array;
  readonly #answers: (RemoteAnswer | undefined)[];
  readonly #ports: Uint16Array;
  /** Addresses behind answers that are not settled, by place. */
  readonly #unsettled = new Map<number, AddressWords>();
  /** Places to ask about, in their order, each with its ticket. */
  readonly #wanted: Uint32Array;
  #wantedCount = 0;
  /** Places that are being asked about. */
  readonly #asked = new Uint32Array(2 * MAX_QUESTIONS);
  readonly #questions: ConntrackTuples;
  #underWay: Promise<void> | undefined;

  constructor(source: BackendSource, places: BackendPlaces, nodePorts?: NodePortFinder) {
    this.#source = source;
    this.#places = places;
    this.#nodePorts = nodePorts;
    this.#tickets = new Uint32Array(places.capacity);
    this.#answers = new Array<RemoteAnswer | undefined>(places.capacity).fill(undefined);
    this.#ports = new Uint16Array(places.capacity);
    this.#wanted = new Uint32Array(2 * places.capacity);
    this.#questions = new ConntrackTuples(source.layout, MAX_QUESTIONS);
  }

  /** The connection that begins to wait in the place went to a Service's address. Asks at the next `ask()`. */
  want(place: number): void {
    this.#tickets[place] = (this.#tickets[place] as number) + 1;
    if (this.#wantedCount === this.#places.capacity) {
      // What is in line has mostly been settled; what comes now goes without.
      this.#source.refuse();
      this.#tell(place);
      return;
    }
    this.#wanted[2 * this.#wantedCount] = place;
    this.#wanted[2 * this.#wantedCount + 1] = this.#tickets[place] as number;
    this.#wantedCount++;
  }

  /** Who answered, and at which port; undefined where that is not known (yet). */
  answer(place: number): RemoteAnswer | undefined {
    const address = this.#unsettled.size === 0 ? undefined : this.#unsettled.get(place);
    if (address !== undefined) this.#answers[place] = this.#places.resolveAgain(address, place);
    return this.#answers[place];
  }
  port(place: number): number {
    return this.#ports[place] as number;
  }

  /** Whether the place's connection waits for an answer: there will be one, sooner or later. */
  isAsking(place: number): boolean {
    return (this.#tickets[place] as number) % 2 === 1;
  }

  /** Nobody waits in the place any more. */
  forget(place: number): void {
    if (this.isAsking(place)) this.#tickets[place] = (this.#tickets[place] as number) + 1;
    this.#answers[place] = undefined;
    this.#unsettled.delete(place);
  }

  /** Asks about what is wanted and still waits. One crossing at a time; what is wanted meanwhile is asked when it is over. */
  ask(): void {
    if (this.#underWay !== undefined || this.#wantedCount === 0) return;
    this.#takeQuestions();
    if (this.#questions.length === 0) return;
    this.#underWay = this.#source
      .lookup(this.#questions, "original")
      .then(
        (answers) => this.#take(answers),
        () => this.#take(undefined), // counted by the source
      )
      .catch((error: unknown) => this.#places.onError(error));
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#underWay !== undefined) await this.#underWay;
  }

  #takeQuestions(): void {
    const questions = this.#questions;
    questions.clear();
    let at = 0;
    for (; at < this.#wantedCount && questions.length < MAX_QUESTIONS; at++) {
      const place = this.#wanted[2 * at] as number;
      const ticket = this.#wanted[2 * at + 1] as number;
      if (this.#tickets[place] !== ticket) continue; // its other half came
      if (!this.#source.admit()) {
        this.#tell(place);
        continue;
      }
      this.#asked[2 * questions.length] = place;
      this.#asked[2 * questions.length + 1] = ticket;
      questions.addRecord(this.#places.records(place), this.#places.index(place));
    }
    this.#wanted.copyWithin(0, 2 * at, 2 * this.#wantedCount);
    this.#wantedCount -= at;
  }

  #take(answers: ConntrackAnswers | undefined): void {
    const count = this.#questions.length;
    this.#underWay = undefined;
    for (let index = 0; index < count; index++) {
      const place = this.#asked[2 * index] as number;
      // Settled meanwhile, and perhaps another's place.
      if (this.#tickets[place] !== this.#asked[2 * index + 1]) continue;
      if (answers?.isFound(index) && answers.isTranslated(index)) this.#keep(place, backendOf(answers, index));
      else if (this.#asksElsewhere(place, answers?.isFound(index) ? answers.tuple(index, "reply") : undefined))
        continue;
      this.#tell(place);
    }
    this.ask();
  }

  #tell(place: number): void {
    this.#tickets[place] = (this.#tickets[place] as number) + 1;
    this.#places.onAnswer(place);
  }

  /** Asks the node whose port it may be. `reply` is how this node's connection tracking expects to be answered. */
  #asksElsewhere(place: number, reply: Required<ConntrackTuple> | undefined): boolean {
    if (this.#nodePorts === undefined) return false;
    const records = this.#places.records(place);
    const index = this.#places.index(place);
    const ticket = this.#tickets[place];
    const connection = {
      from: reply ? wordsOf(reply.destination) : localAddress(records, index),
      fromPort: reply?.destinationPort ?? records.localPort(index),
      to: remoteAddress(records, index),
      toPort: records.remotePort(index),
    };
    return this.#nodePorts.ask(connection, (backend) => {
      if (this.#tickets[place] !== ticket) return;
      if (backend !== undefined) this.#keep(place, backend);
      this.#tell(place);
    });
  }

  #keep(place: number, { address, port }: BackendSocket): void {
    this.#ports[place] = port;
    const answer = this.#places.resolve(address, port, place);
    this.#answers[place] = answer;
    if (answer.unsettledMs !== undefined) this.#unsettled.set(place, address);
  }
}

function backendOf(answers: ConntrackAnswers, index: number): BackendSocket {
  const address = {
    w0: answers.backend(index, 0),
    w1: answers.backend(index, 1),
    w2: answers.backend(index, 2),
    w3: answers.backend(index, 3),
  };
  return { address, port: answers.backendPort(index) };
}

function wordsOf([w0, w1, w2, w3]: ConntrackAddress): AddressWords {
  return { w0, w1, w2, w3 };
}
