const TRANSPORTS: Readonly<Record<string, number>> = { TCP: 0, UDP: 0x10000, SCTP: 0x20000 };

/** A port and its transport as one number: of TCP the port itself. */
export function portKey(port: number, protocol: string): number {
  return port + (TRANSPORTS[protocol] ?? 0);
}
