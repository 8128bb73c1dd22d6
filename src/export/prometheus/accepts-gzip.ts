/** Whether a request's `Accept-Encoding` allows gzip: named or by `*`, and not with the weight 0. */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  let wildcard = false;
  for (const part of String(header ?? "").split(",")) {
    const [coding = "", ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
    const refused = parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
    if (coding === "gzip" || coding === "x-gzip") return !refused;
    if (coding === "*") wildcard = !refused;
  }
  return wildcard;
}
