/** A connection of an engine's own client. */
export interface Writer {
  /** Stores 100 bytes in the simplest way that the engine has. Resolves once the engine acknowledges them. */
  write(data: string): Promise<unknown>
}
