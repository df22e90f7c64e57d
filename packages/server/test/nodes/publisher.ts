import { Agent, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import type { Auditor } from '@tailrace/testkit'

/** An attempt without an answer is given up after this time, and repeated. */
const ATTEMPT_MS = 30_000
const RETRY_MS = 200
/** Descriptions of refusals that are kept. */
const MAX_REFUSALS = 20

export interface PublisherOptions {
  readonly url: string
  readonly topic: string
  readonly token: string
  readonly pauseMs: number
}

/** Publishes one event after another over one connection, each until it is acknowledged. */
export class Publisher {
  readonly name: string
  readonly #auditor: Auditor
  readonly #options: PublisherOptions
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  #isOver = false
  #isAbandoned = false
  /** Attempts that did not succeed. */
  refused = 0
  readonly refusals: string[] = []
  /** The longest time from the first attempt of an event to its acknowledgement. */
  longestMs = 0
  readonly finished: Promise<void>

  constructor(auditor: Auditor, name: string, options: PublisherOptions) {
    this.#auditor = auditor
    this.name = name
    this.#options = options
    this.finished = this.#publishOn()
  }

  /** Resolves once the current event is acknowledged; or after this time, with the fault that it was not. */
  async finish(boundMs: number): Promise<void> {
    this.#isOver = true
    const timer = setTimeout(() => {
      this.#isAbandoned = true
      this.#agent.destroy()
    }, boundMs)
    await this.finished
    clearTimeout(timer)
    this.#agent.destroy()
  }

  async #publishOn(): Promise<void> {
    for (let n = 0; !this.#isOver; n += 1) {
      const began = performance.now()
      for (;;) {
        const failure = await this.#attempt(n)
        if (failure === undefined) break
        this.refused += 1
        if (this.refusals.length < MAX_REFUSALS) this.refusals.push(`${this.name}:${n}: ${failure}`)
        if (this.#isAbandoned) {
          this.#auditor.report(`${this.name}:${n} was never acknowledged: ${failure}`)
          return
        }
        await delay(RETRY_MS)
      }
      this.longestMs = Math.max(this.longestMs, performance.now() - began)
      await delay(this.#options.pauseMs)
    }
  }

  /** @returns why it was not acknowledged */
  async #attempt(n: number): Promise<string | undefined> {
    const { url, topic, token } = this.#options
    const data = `${this.name}:${n}`
    try {
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const headers = { authorization: `Bearer ${token}`, 'idempotency-key': data }
        const init = { method: 'POST', agent: this.#agent, headers, signal: AbortSignal.timeout(ATTEMPT_MS) }
        request(`${url}/topics/${topic}`, init, resolve).on('error', reject).end(data)
      })
      const body = await text(answer)
      if (answer.statusCode !== 200 && answer.statusCode !== 201) return `${answer.statusCode} ${body}`
      const { id, duplicate = false } = JSON.parse(body) as { id: string; duplicate?: boolean }
      this.#auditor.acknowledge(this.name, n, id, duplicate)
      return undefined
    } catch (error) {
      return String(error)
    }
  }
}
