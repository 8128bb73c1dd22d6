/** Waits until a condition holds; throws, with the name, when it does not within 10 s. */
export async function eventually(name: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`Waited 10 s in vain: ${name}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
