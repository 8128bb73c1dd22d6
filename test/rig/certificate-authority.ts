import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP, SocketAddress } from "node:net";

/** A certificate and its key, both PEM. */
export interface Credential {
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateRequest {
  readonly commonName: string;
  /** What Kubernetes reads as groups. */
  readonly organization?: string;
  /** Host names and IP addresses that a server with this certificate may be reached by. */
  readonly names?: readonly string[];
}

/** Issues P-256 certificates that are good for 30 days, for servers and clients of tests. The key lives in memory only. */
export class CertificateAuthority {
  /** Own certificate, PEM. */
  readonly certificate: string;
  readonly #name: Uint8Array;
  readonly #key: KeyObject;
  readonly #keyId: Uint8Array;

  constructor(commonName: string) {
    const { privateKey, publicKey } = keyPair();
    this.#name = distinguishedName({ commonName });
    this.#key = privateKey;
    this.#keyId = keyId(publicKey);
    const ca = extension(OID.basicConstraints, sequence(TRUE), true);
    this.certificate = this.#issue(this.#name, publicKey, [ca, keyUsage(KEY_CERT_SIGN | CRL_SIGN)]);
  }

  issue(request: CertificateRequest): Credential {
    const { privateKey, publicKey } = keyPair();
    const extensions = [
      extension(OID.basicConstraints, sequence(), true),
      keyUsage(DIGITAL_SIGNATURE),
      extension(OID.extendedKeyUsage, sequence(oid(OID.serverAuth), oid(OID.clientAuth))),
    ];
    if (request.names?.length)
      extensions.push(extension(OID.subjectAltName, sequence(...request.names.map(alternativeName))));
    const certificate = this.#issue(distinguishedName(request), publicKey, extensions);
    return { certificate, key: privateKey.export({ type: "pkcs8", format: "pem" }) as string };
  }

  #issue(subject: Uint8Array, publicKey: KeyObject, extensions: readonly Uint8Array[]): string {
    const nowMs = Date.now();
    const toBeSigned = sequence(
      der(0xa0, der(INTEGER, Uint8Array.of(2))), // version 3
      der(INTEGER, Buffer.concat([Uint8Array.of(0x01), randomBytes(15)])),
      ECDSA_WITH_SHA256,
      this.#name,
      sequence(time(nowMs - 3_600_000), time(nowMs + 30 * 86_400_000)),
      subject,
      publicKey.export({ type: "spki", format: "der" }),
      der(
        0xa3,
        sequence(
          ...extensions,
          extension(OID.subjectKeyIdentifier, der(OCTET_STRING, keyId(publicKey))),
          extension(OID.authorityKeyIdentifier, sequence(der(0x80, this.#keyId))),
        ),
      ),
    );
    const signature = der(BIT_STRING, Uint8Array.of(0), sign("sha256", toBeSigned, this.#key));
    const base64 = sequence(toBeSigned, ECDSA_WITH_SHA256, signature).toString("base64");
    // An empty line before the end, after a last line that is full, is one that OpenSSL refuses.
    return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}(?=.)/g, "$&\n")}\n-----END CERTIFICATE-----\n`;
  }
}

/** A P-256 key pair as PEM. */
export function signingKey(): { readonly publicKey: string; readonly privateKey: string } {
  const { privateKey, publicKey } = keyPair();
  return {
    publicKey: publicKey.export({ type: "spki", format: "pem" }) as string,
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  };
}

function keyPair(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

// What follows writes X.509 (RFC 5280) in DER, as far as the above needs it.

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const TRUE = der(0x01, Uint8Array.of(0xff));

/** Bits of KeyUsage as they lie in its first byte. */
const DIGITAL_SIGNATURE = 0x80;
const KEY_CERT_SIGN = 0x04;
const CRL_SIGN = 0x02;

const OID = {
  commonName: "2.5.4.3",
  organizationName: "2.5.4.10",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
} as const;

const ECDSA_WITH_SHA256 = sequence(oid(OID.ecdsaWithSha256));

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Uint8Array.of(tag, ...derLength(body.length)), body]);
}

/** In the fewest bytes that hold it: DER knows one way only, and Go insists. */
function derLength(length: number): number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return der(0x30, ...parts);
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const septets = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) septets.unshift((left & 0x7f) | 0x80);
    bytes.push(...septets);
  }
  return der(0x06, Uint8Array.from(bytes));
}

function time(epochMs: number): Buffer {
  const digits = new Date(epochMs).toISOString().replace(/\D/g, "");
  return der(0x17, Buffer.from(`${digits.slice(2, 14)}Z`));
}

function distinguishedName({ commonName, organization }: CertificateRequest): Buffer {
  const attribute = (type: string, value: string) => der(0x31, sequence(oid(type), der(0x0c, Buffer.from(value))));
  const parts = [attribute(OID.commonName, commonName)];
  if (organization !== undefined) parts.unshift(attribute(OID.organizationName, organization));
  return sequence(...parts);
}

function extension(type: string, value: Uint8Array, critical = false): Buffer {
  return sequence(oid(type), ...(critical ? [TRUE] : []), der(OCTET_STRING, value));
}

function keyUsage(bits: number): Buffer {
  const unused = 31 - Math.clz32(bits & -bits);
  return extension(OID.keyUsage, der(BIT_STRING, Uint8Array.of(unused, bits)), true);
}

function keyId(publicKey: KeyObject): Uint8Array {
  return createHash("sha1")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest();
}

function alternativeName(name: string): Buffer {
  return isIP(name) ? der(0x87, addressBytes(name)) : der(0x82, Buffer.from(name));
}

function addressBytes(address: string): Uint8Array {
  if (isIP(address) === 4) return Uint8Array.from(address.split(".").map(Number));
  // SocketAddress writes the shortest form; expand its "::" to eight groups.
  const [head = "", tail] = new SocketAddress({ address, family: "ipv6" }).address.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = [...before, ...Array<string>(8 - before.length - after.length).fill("0"), ...after];
  return Uint8Array.from(
    groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]),
  );
}
