import { MAX_HANDED_BYTES } from '@tailrace/hub'
import type { Sink, SinkListener } from '@tailrace/hub'
import { createDecoder } from '@tailrace/wire'
import type { DecodedEvent } from '@tailrace/wire'

/** A response that takes, stalls and breaks when it is told to, and holds its writer to the contract of `Sink`. */
export interface ScriptedSink extends Sink {
  readonly chunks: readonly Uint8Array[]
  readonly outcome: 'open' | 'ended' | 'destroyed' | 'closed'
  text(): string
  /** Every event that arrived whole. Throws when the writer broke the contract. */
  events(): DecodedEvent[]
  /** The types of the hub's own events and the data of the others, in order. */
  story(): string[]
  lastEventId(): string
  /** Lets this many writes through before it is full again. */
  drain(writes?: number): void
  /** The reader leaves, or is cut for a reason. */
  leave(reason?: Parameters<SinkListener['closed']>[0]): void
  /** Resolves once it is so; asked again after every write. */
  until(isMet: (sink: ScriptedSink) => boolean): Promise<void>
  untilEvents(count: number): Promise<DecodedEvent[]>
}

/** @param credit how many writes it takes before it is full */
export function createScriptedSink(credit = Number.POSITIVE_INFINITY): ScriptedSink {
  const chunks: Uint8Array[] = []
  const violations: string[] = []
  const watchers = new Set<() => void>()
  let listener: SinkListener | undefined
  let room = credit
  let outcome: ScriptedSink['outcome'] = 'open'
  let lastEventId = ''
  let received: DecodedEvent[] = []
  const decoder = createDecoder({ onEvent: (event) => received.push(event) })

  function change(): void {
    for (const look of watchers) look()
  }

  const sink: ScriptedSink = {
    chunks,
    get outcome() {
      return outcome
    },
    get isReady() {
      return room > 0
    },
    attach(to) {
      listener = to
    },
    write({ bytes }) {
      if (room <= 0) violations.push('written to while it was not ready')
      if (outcome === 'ended') violations.push('written to after its end')
      if (bytes.length === 0) violations.push('handed nothing, which ends a chunked response')
      if (bytes.length > MAX_HANDED_BYTES) violations.push(`handed ${bytes.length} bytes at once`)
      room -= 1
      chunks.push(bytes)
      decoder.push(bytes)
      lastEventId = decoder.lastEventId
      change()
    },
    end() {
      if (outcome === 'open') outcome = 'ended'
      change()
    },
    destroy() {
      outcome = 'destroyed'
      change()
    },
    text: () => Buffer.concat(chunks).toString(),
    events() {
      if (violations.length > 0) throw new Error(`the sink was ${violations.join('; ')}`)
      return [...received]
    },
    story: () => sink.events().map(({ type, data }) => (type.startsWith('tailrace.') ? type : data)),
    lastEventId: () => lastEventId,
    drain(writes = Number.POSITIVE_INFINITY) {
      room = writes
      if (outcome === 'open') listener?.ready()
    },
    leave(reason) {
      outcome = 'closed'
      listener?.closed(reason)
    },
    until(isMet) {
      return new Promise((resolve) => {
        const look = (): void => {
          if (!isMet(sink)) return
          watchers.delete(look)
          resolve()
        }
        watchers.add(look)
        look()
      })
    },
    async untilEvents(count) {
      await sink.until(() => received.length >= count)
      return sink.events()
    },
  }
  return sink
}
