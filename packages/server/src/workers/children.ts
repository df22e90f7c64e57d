import { journalFor } from '../cli/journal.ts'
import type { Journal } from '../observe/journal.ts'
import type { Line, Order, SupervisorCalls } from './calls.ts'
import { Collection } from './collection.ts'
import { everyoneOf } from './everyone.ts'
import { Holdings } from './holdings.ts'
import type { Holder } from './holdings.ts'
import { printableError } from './packed-error.ts'
import { Post } from './post.ts'

export interface ChildrenOptions {
  readonly journal: Journal
  readonly isJson: boolean
}

/** The children of the supervisor, and what it keeps for all of them. */
export class Children {
  /** The workers, by number. The first has number 1. */
  readonly workers: Post[] = []
  /** The workers, and the owner of the log if there is one. */
  readonly posts: Post[] = []
  readonly #options: ChildrenOptions
  readonly #holdings = new Holdings()
  readonly #collection: Collection
  /** The workers that cannot reach the log. */
  readonly #interrupted = new Set<string>()
  #haveSocketsChanged = false

  constructor(options: ChildrenOptions) {
    this.#options = options
    this.#collection = new Collection(this.workers, this.posts, this.#holdings)
  }

  addOwner(order: () => Order): Promise<Post> {
    return this.#add('log owner', 0, order)
  }

  async addWorker(order: (number: number) => Order): Promise<void> {
    const number = this.workers.length + 1
    this.workers.push(await this.#add(`worker ${number}`, number, () => order(number)))
  }

  /** Asks each child whether it still answers. Called once per second. */
  beat(): void {
    for (const post of this.posts) post.beat()
  }

  /** Tells each worker how many connections the others have. */
  tellOthers(): void {
    if (!this.#haveSocketsChanged) return
    this.#haveSocketsChanged = false
    for (const [i, { link }] of this.workers.entries())
      link?.tell('others', this.#holdings.socketsBesides(i + 1))
  }

  kill(): void {
    for (const post of this.posts) post.kill()
  }

  async #add(name: string, number: number, order: () => Order): Promise<Post> {
    const journal = await journalFor({ isJson: this.#options.isJson, from: name })
    let holder: Holder | undefined
    const post: Post = new Post({
      name,
      journal,
      order,
      calls: () => {
        holder = this.#holdings.open(number)
        return this.#callsFor(post, holder, journal)
      },
      onGone: () => {
        holder?.close()
        this.#haveSocketsChanged = true
        this.#collection.retire(name)
        this.#resume(name)
      },
    })
    this.posts.push(post)
    return post
  }

  /** Answers one process. Its messages may arrive after its end. */
  #callsFor(post: Post, holder: Holder, journal: Journal): SupervisorCalls {
    return {
      write: (line) => this.#write(post.name, line, journal),
      take: holder.take,
      release: holder.release,
      report: ({ sockets, spent }) => {
        holder.setSockets(sockets)
        this.#haveSocketsChanged = true
        if (spent.length === 0) return
        for (const other of this.workers) if (other !== post) other.link?.tell('spent', spent)
      },
      counted: (counters) => {
        if (holder.isOpen) this.#collection.remember(post.name, counters)
      },
      everyone: (question, args) => everyoneOf(this.workers, question, args),
      collect: () => this.#collection.collect(),
    }
  }

  #write(name: string, line: Line, journal: Journal): void {
    if (line.kind === 'warn') journal.warn(line.line)
    else if (line.kind === 'failed') journal.failed(printableError(line.error))
    else if (line.kind === 'resumed') this.#resume(name)
    else {
      // One line for all workers.
      if (this.#interrupted.size === 0) this.#options.journal.interrupted(printableError(line.error))
      this.#interrupted.add(name)
    }
  }

  #resume(name: string): void {
    if (this.#interrupted.delete(name) && this.#interrupted.size === 0) this.#options.journal.resumed()
  }
}
