import { AckPolicy, DeliverPolicy, type JetStreamManager } from '@nats-io/jetstream'
import { createInbox, nanos, type Msg, type NatsConnection } from '@nats-io/transport-node'
import { LogError } from '@tailrace/log'
import type { Consumer, Consumption, SequencedRecord } from '@tailrace/log-sequencer'

import { toLogError } from './errors.ts'

/** How often the server says that the consumer is alive, when it has nothing else to say. */
const HEARTBEAT_MS = 1_000
/** That many intervals without a word from the server, and the consumer is lost. */
const MAX_SILENT_INTERVALS = 4
/** The server removes a consumer that nobody has listened to for so long. */
const INACTIVE_MS = 5_000

export interface OrderedConsumerOptions {
  readonly connection: NatsConnection
  readonly manager: JetStreamManager
  readonly stream: string
  readonly after: number
  readonly consumer: Consumer
  /** It cannot continue. Nothing is reported after this. */
  lost(reason: LogError): void
}

/**
 * Reports every record after a position, in order. The server sends them by itself, at most 32 MiB ahead of the answers
 * to its flow control (ADR-15 of NATS). It numbers what it sends, so that anything missing is noticed: then the
 * consumer is lost, rather than repaired, because whatever happened may have changed the stream as well.
 */
export async function startOrderedConsumer(options: OrderedConsumerOptions): Promise<Consumption> {
  const { connection, manager, stream, after, consumer } = options
  let position = after
  let delivered = 0
  let silentIntervals = 0
  let isOver = false
  let isReporting = false
  let waiting: SequencedRecord[] = []
  /** Where the server waits for word that everything so far has been processed. */
  let owed: string | undefined

  async function report(): Promise<void> {
    isReporting = true
    // All messages of a chunk from the socket are received in one turn, and reported in one run.
    await Promise.resolve()
    while (waiting.length > 0) {
      const records = waiting
      waiting = []
      await consumer.records(records)
    }
    isReporting = false
    answer()
  }

  function answer(): void {
    if (owed === undefined || isReporting || isOver || connection.isClosed()) return
    connection.publish(owed)
    owed = undefined
  }

  function receive(message: Msg): void {
    silentIntervals = 0
    const { headers, reply = '' } = message
    if (headers !== undefined && headers.code !== 0) {
      control(message)
      return
    }
    const place = parsePlace(reply)
    if (place.delivered !== delivered + 1 || place.position <= position) {
      fail(new LogError('unreachable', `NATS skipped a record of the stream "${stream}".`))
      return
    }
    ;({ position, delivered } = place)
    waiting.push({ position, time: place.time, bytes: message.data })
    if (!isReporting) void report()
  }

  function control({ headers, reply }: Msg): void {
    if (headers!.code !== 100) {
      fail(new LogError('unreachable', `NATS ended the consumer: ${headers!.description}.`))
      return
    }
    owed = reply || headers!.get('Nats-Consumer-Stalled') || owed
    answer()
    if (Number(headers!.get('Nats-Last-Consumer')) > delivered) {
      fail(new LogError('unreachable', `NATS lost a record of the stream "${stream}" on its way.`))
    }
  }

  function fail(reason: LogError): void {
    if (isOver) return
    stop()
    options.lost(reason)
  }

  function stop(): void {
    isOver = true
    waiting = []
    clearInterval(watch)
    subscription.unsubscribe()
  }

  const inbox = createInbox()
  const subscription = connection.subscribe(inbox, {
    callback: (error, message) => (error === null ? receive(message) : fail(toLogError(error, 'read'))),
  })
  // Counted rather than timed: when this process was suspended, what arrived meanwhile is received before the next one.
  const watch = setInterval(() => {
    silentIntervals += 1
    if (silentIntervals <= MAX_SILENT_INTERVALS) return
    fail(new LogError('unreachable', `NATS has sent nothing for ${MAX_SILENT_INTERVALS} seconds.`))
  }, HEARTBEAT_MS)

  try {
    await manager.consumers.add(stream, {
      deliver_subject: inbox,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: after + 1,
      ack_policy: AckPolicy.None,
      max_deliver: 1,
      flow_control: true,
      idle_heartbeat: nanos(HEARTBEAT_MS),
      inactive_threshold: nanos(INACTIVE_MS),
      mem_storage: true,
      num_replicas: 1,
    })
  } catch (error) {
    stop()
    throw toLogError(error, 'read')
  }
  return { stop: async () => stop() }
}

/** `$JS.ACK.[domain.account.]stream.consumer.deliveries.position.delivered.nanoseconds.pending[.word]` */
function parsePlace(reply: string): { position: number; delivered: number; time: number } {
  const words = reply.split('.')
  const start = words.length === 9 ? 5 : 7
  const [position, delivered, nanoseconds] = words.slice(start, start + 3).map(Number)
  return { position: position!, delivered: delivered!, time: Math.floor(nanoseconds! / 1e6) }
}
