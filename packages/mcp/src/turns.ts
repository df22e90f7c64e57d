/** Runs tasks of the same name one after the other, in the order in which they were added. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>()

  run<T>(name: string, task: () => Promise<T>): Promise<T> {
    const result = (this.#last.get(name) ?? Promise.resolve()).then(task)
    const turn: Promise<void> = result.then(
      () => this.#leave(name, turn),
      () => this.#leave(name, turn),
    )
    this.#last.set(name, turn)
    return result
  }

  /** Resolves when everything that was added is done. */
  async done(): Promise<void> {
    await Promise.all(this.#last.values())
  }

  #leave(name: string, turn: Promise<void>): void {
    if (this.#last.get(name) === turn) this.#last.delete(name)
  }
}
