import { LogError } from '@tailrace/log'
import { mintEpoch } from '@tailrace/log/adapter'
import type { EntryResult, RecordResult } from './index/apply.ts'
import { encodeEntry, encodeRecord } from './record/encode.ts'
import { MAX_EVENTS } from './record/record.ts'
import type { Entry } from './record/record.ts'

/** Maximum size of the entries that wait to be written, in UTF-16 code units of their JSON. */
const MAX_PENDING_LENGTH = 64 * 1024 * 1024
/** Records on their way at the same time. While there are as many, entries wait, and share the next one. */
const MAX_IN_FLIGHT = 4
/** Maximum size of a record that several entries share. */
const MAX_SHARED_BYTES = 256 * 1024
/** The size of a record besides its entries, at most. */
const HEAD_BYTES = 256
/** A batch must leave room for this: an event needs a little more in a checkpoint. */
const RESERVE_BYTES = 512

/** After this time without any record, a connection that has stored one, and does not report it, is of no use. */
const SILENCE_MS = 10_000

/** Where the records go, as long as the engine can be reached. */
export interface Outlet {
  readonly maxRecordBytes: number
  append(bytes: Uint8Array): Promise<number>
  /** Gives the connection up. */
  lose(reason: LogError): void
}

interface Pending {
  readonly json: string
  readonly bytes: number
  readonly events: number
  resolve(result: EntryResult): void
  reject(error: LogError): void
}

/** A record on its way. It is done once it is stored, and has been applied to the index. */
interface Sent {
  readonly entries: readonly Pending[]
  /** Undefined until it is stored. */
  position: number | undefined
  /** Undefined until it was applied. */
  results: RecordResult | undefined
}

/** Writes the entries of this node as records, and learns from the index what became of them. */
export class WriteQueue {
  /** The name of this node in its records. A node that is opened again is another one. */
  readonly node: string = mintEpoch()
  readonly #now: (() => number) | undefined
  readonly #pending: Pending[] = []
  #pendingLength = 0
  readonly #sent = new Map<number, Sent>()
  #lastNumber = 0
  #outlet: Outlet | undefined
  #reason = new LogError('unreachable', 'The log is still connecting to its engine.')
  #epoch = ''
  #drained: (() => void) | undefined
  /** The last position that the index has reached. */
  #reached = 0
  #watch: NodeJS.Timeout | undefined

  constructor(now: (() => number) | undefined) {
    this.#now = now
  }

  /** @param epoch - that of the log, or of the one that the first entry begins */
  connect(outlet: Outlet, epoch: string): void {
    this.#outlet = outlet
    this.#epoch = epoch
  }

  /** Rejects what waits, and everything until it is connected again. */
  disconnect(reason: LogError): void {
    this.#outlet = undefined
    this.#reason = reason
    clearTimeout(this.#watch)
    this.#watch = undefined
    for (const [number, sent] of this.#sent) {
      this.#settle(number, sent, ({ reject }) => reject(unknownOutcome(reason)))
    }
    this.#pendingLength = 0
    for (const { reject } of this.#pending.splice(0)) reject(reason)
    this.#wakeIfDrained()
  }

  /** Resolves once the entry is stored, and has been applied to the index of this node. */
  write(entry: Entry): Promise<EntryResult> {
    return new Promise((resolve, reject) => {
      if (this.#outlet === undefined) throw this.#reason
      const json = encodeEntry(entry)
      const bytes = Buffer.byteLength(json)
      const events = entry.kind === 'batch' ? entry.events.length : 0
      assertFits(
        bytes + (entry.kind === 'part' ? HEAD_BYTES : RESERVE_BYTES),
        events,
        this.#outlet.maxRecordBytes,
      )
      if (this.#pendingLength > 0 && this.#pendingLength + json.length > MAX_PENDING_LENGTH) {
        throw new LogError('busy', 'Too many events are waiting to be written: publish again later.', {
          details: { pendingLength: this.#pendingLength, maxPendingLength: MAX_PENDING_LENGTH },
        })
      }
      this.#pending.push({ json, bytes, events, resolve, reject })
      this.#pendingLength += json.length
      this.#send()
    })
  }

  /** The index has applied a record of this node. */
  applied(number: number, results: RecordResult): void {
    const sent = this.#sent.get(number)
    if (sent === undefined) return
    sent.results = results
    this.#settleIfDone(number, sent)
  }

  /** The index has applied everything up to a position: a record that was stored there and not applied never will be. */
  reached(position: number): void {
    this.#reached = position
    for (const [number, sent] of this.#sent) {
      if (sent.position === undefined || sent.position > position) continue
      sent.results ??= 'ignored'
      this.#settleIfDone(number, sent)
    }
  }

  /** Resolves once nothing waits any more. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve
      this.#wakeIfDrained()
    })
  }

  #send(): void {
    while (this.#outlet !== undefined && this.#pending.length > 0 && this.#sent.size < MAX_IN_FLIGHT) {
      const outlet = this.#outlet
      const entries = this.#pending.splice(0, countWithin(this.#pending, outlet.maxRecordBytes))
      for (const { json } of entries) this.#pendingLength -= json.length
      this.#lastNumber += 1
      const number = this.#lastNumber
      const sent: Sent = { entries, position: undefined, results: undefined }
      this.#sent.set(number, sent)
      void this.#append(outlet, number, sent)
    }
  }

  async #append(outlet: Outlet, number: number, sent: Sent): Promise<void> {
    const head = { epoch: this.#epoch, node: this.node, number, time: this.#now?.() }
    const entries = sent.entries.map(({ json }) => json)
    try {
      sent.position = await outlet.append(encodeRecord(head, entries))
      this.#settleIfDone(number, sent)
      this.#watchEcho()
    } catch (error) {
      const reason = LogError.is(error) ? error : unknownOutcome(error)
      this.#settle(number, sent, ({ reject }) => reject(reason))
    }
  }

  /** Notices if what was stored is not reported, although the connection seems to be alive. */
  #watchEcho(): void {
    if (this.#watch !== undefined || !this.#isWaiting) return
    const before = this.#reached
    this.#watch = setTimeout(() => {
      this.#watch = undefined
      if (this.#isWaiting && this.#reached === before) this.#outlet?.lose(silent())
      else this.#watchEcho()
    }, SILENCE_MS)
    this.#watch.unref()
  }

  get #isWaiting(): boolean {
    for (const { position } of this.#sent.values()) if (position !== undefined) return true
    return false
  }

  #settleIfDone(number: number, sent: Sent): void {
    const { position, results } = sent
    if (position === undefined || results === undefined) return
    this.#settle(number, sent, ({ resolve, reject }, i) => {
      if (results === 'ignored') reject(ignored(position))
      else if (results === 'again') reject(unknownOutcome(undefined))
      else resolve(results.entries[i])
    })
  }

  #settle(number: number, sent: Sent, settle: (entry: Pending, i: number) => void): void {
    if (this.#sent.get(number) !== sent) return
    this.#sent.delete(number)
    for (const [i, entry] of sent.entries.entries()) settle(entry, i)
    this.#send()
    this.#wakeIfDrained()
  }

  #wakeIfDrained(): void {
    if (this.#pending.length === 0 && this.#sent.size === 0) this.#drained?.()
  }
}

/** @throws LogError `too-large` */
function assertFits(bytes: number, events: number, limit: number): void {
  if (bytes <= limit && events <= MAX_EVENTS) return
  const message =
    events > MAX_EVENTS
      ? `A batch of ${events} events is too large: the limit is ${MAX_EVENTS}.`
      : `A batch of ${bytes} bytes is too large for the engine: its limit is ${limit}. Publish less at a time.`
  throw new LogError('too-large', message, { details: { bytes, events, limit } })
}

/** How many of the first entries share a record; at least one. */
function countWithin(pending: readonly Pending[], maxRecordBytes: number): number {
  const maxBytes = Math.min(MAX_SHARED_BYTES, maxRecordBytes - HEAD_BYTES)
  let [bytes, events] = [0, 0]
  const beyond = pending.findIndex((one, i) => {
    bytes += one.bytes + 1
    events += one.events
    return i > 0 && (bytes > maxBytes || events > MAX_EVENTS)
  })
  return beyond === -1 ? pending.length : beyond
}

function unknownOutcome(cause: unknown): LogError {
  return new LogError(
    'outcome-unknown',
    'The connection to the engine was lost before the index of this node had applied what was written: it may be stored.',
    { cause },
  )
}

function silent(): LogError {
  return new LogError(
    'unreachable',
    `The engine has stored a record ${SILENCE_MS / 1000} s ago, and reported none since: the connection is made again.`,
  )
}

function ignored(position: number): LogError {
  return new LogError(
    'unwritable',
    `No node applies the record at position ${position}: it was stored out of order, or by a node that knows another log.`,
    { details: { position } },
  )
}
