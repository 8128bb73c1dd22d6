/** The address for `/metrics` cannot be listened on: nothing that a retry would change. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly code: string;

  constructor(host: string, port: number, cause: NodeJS.ErrnoException) {
    const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    super(`Cannot serve metrics on ${address}: ${explain(address, port, cause)}`, { cause });
    this.code = cause.code ?? "UNKNOWN";
  }
}

function explain(address: string, port: number, cause: NodeJS.ErrnoException): string {
  switch (cause.code) {
    case "EADDRINUSE":
      return `another process listens there; stop it ("ss -ltnp sport = :${port}" shows which), or give Weir another address`;
    case "EADDRNOTAVAIL":
      return "the address must be one of this host's, or 0.0.0.0 or :: for all of them";
    case "EACCES":
      return `ports below 1024 need the capability NET_BIND_SERVICE; give Weir a higher one than ${port}`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `a name that resolves or an IP address is needed, current value is ${address}`;
    default:
      return cause.message;
  }
}
