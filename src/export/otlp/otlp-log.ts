/** Where diagnostics go; pino fits. */
export interface OtlpLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}
