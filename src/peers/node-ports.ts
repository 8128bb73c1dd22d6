import type { AddressWords } from "../identity/endpoint.ts";
import type {
  BackendAnswer,
  BackendSocket,
  NodePortConnection,
  NodePortFinder,
} from "../identity/node-port-connection.ts";
import type { AgentClient } from "./agent-client.ts";

export interface NodePortsOptions {
  readonly client: AgentClient<NodePortConnection, BackendSocket>;
  /** Where the agent of another node with this address answers; undefined where it is no such node's. */
  readonly agentAt: (address: AddressWords) => string | undefined;
}

/** Asks the agent of the node whose port a connection went to. */
export class NodePorts implements NodePortFinder {
  readonly #options: NodePortsOptions;

  constructor(options: NodePortsOptions) {
    this.#options = options;
  }

  ask(connection: NodePortConnection, answer: BackendAnswer): boolean {
    const agent = this.#options.agentAt(connection.to);
    return agent !== undefined && this.#options.client.ask(agent, connection, answer);
  }
}
