import { LogError } from './errors.ts'

/** How a log reacts to settings of its engine that could lose acknowledged events. */
export interface DurabilityOptions {
  /** Refuse to use the engine, rather than warn. @defaultValue false */
  readonly requireDurable?: boolean | undefined
  /**
   * Receives one sentence for each such setting: what it is, what it could lose, and how to change it. Called when the
   * log connects, once for each sentence. @defaultValue nothing
   */
  readonly warn?: ((sentence: string) => void) | undefined
}

/** Checks the settings of an engine each time a log connects to it: they may have changed, or another server took over. */
export class Durability {
  readonly #options: DurabilityOptions
  readonly #warned = new Set<string>()

  constructor(options: DurabilityOptions) {
    this.#options = options
  }

  /** @param hazards one sentence each @throws LogError `not-durable` if durability is required, and there are any */
  assert(hazards: readonly string[]): void {
    if (this.#options.requireDurable === true && hazards.length > 0) {
      throw new LogError('not-durable', hazards.join(' '), { details: { hazards: hazards.length } })
    }
    for (const sentence of hazards) {
      if (this.#warned.has(sentence)) continue
      this.#warned.add(sentence)
      this.#options.warn?.(sentence)
    }
  }
}
