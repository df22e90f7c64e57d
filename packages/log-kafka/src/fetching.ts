import { FetchIsolationLevels, fetchV13, IS_CONTROL, type RecordsBatch } from '@platformatic/kafka'
import type { SequencedRecord } from '@tailrace/log-sequencer'

import type { Broker } from './broker.ts'

/** How long a broker holds a request if there is nothing new. It bounds how long a silent network goes unnoticed. */
const WAIT_MS = 1_000
/** Of one answer. A larger batch comes alone. */
const MAX_BYTES = 2 ** 20
/** Each request is complete in itself: the broker need not remember any. */
const NO_SESSION = 0
const NO_SESSION_EPOCH = -1
const IS_APPEND_TIME = 1 << 3
const UNKNOWN_EPOCH = -1

/** A place in a partition, as Kafka knows it. */
export interface Place {
  /** The offset of the next record to be read. */
  readonly offset: number
  /** The term of the leader that stored the record before, by which a broker can tell that it never had that record. */
  readonly leaderEpoch: number
}

export interface Fetched {
  readonly records: readonly SequencedRecord[]
  readonly next: Place
  /** The broker does not have what was read before: it lost acknowledged records, and others took their places. */
  readonly hasDiverged: boolean
}

/** The place behind a position. A position is an offset plus one, so that positions begin with 1. */
export function placeAfter(position: number): Place {
  return { offset: position, leaderEpoch: UNKNOWN_EPOCH }
}

/** Waits a while for records after a place. @throws the driver's errors */
export async function fetchRecords(broker: Broker, topicId: string, place: Place): Promise<Fetched> {
  const partition = {
    partition: 0,
    currentLeaderEpoch: UNKNOWN_EPOCH,
    fetchOffset: BigInt(place.offset),
    lastFetchedEpoch: place.leaderEpoch,
    partitionMaxBytes: MAX_BYTES,
  }
  const { responses } = await broker.call(
    fetchV13.api,
    WAIT_MS,
    1,
    MAX_BYTES,
    FetchIsolationLevels.READ_UNCOMMITTED,
    NO_SESSION,
    NO_SESSION_EPOCH,
    [{ topicId, partitions: [partition] }],
    [],
    '',
  )
  const found = responses[0]?.partitions[0]
  const batches = found?.records ?? []
  const last = batches.at(-1)
  return {
    records: batches.flatMap((batch) => recordsOf(batch, place.offset)),
    next: last === undefined ? place : { offset: endOf(last), leaderEpoch: last.partitionLeaderEpoch },
    hasDiverged: (found?.divergingEpoch?.endOffset ?? -1n) >= 0n,
  }
}

function endOf({ firstOffset, lastOffsetDelta }: RecordsBatch): number {
  return Number(firstOffset) + lastOffsetDelta + 1
}

/** A batch is sent whole, even if only its end was asked for. */
function recordsOf(batch: RecordsBatch, from: number): SequencedRecord[] {
  if ((batch.attributes & IS_CONTROL) !== 0) return []
  const first = Number(batch.firstOffset)
  const isAppendTime = (batch.attributes & IS_APPEND_TIME) !== 0
  const records: SequencedRecord[] = []
  for (const { offsetDelta, timestampDelta, value } of batch.records) {
    const offset = first + offsetDelta
    if (offset < from) continue
    const time = isAppendTime ? batch.maxTimestamp : batch.firstTimestamp + timestampDelta
    records.push({ position: offset + 1, time: Number(time), bytes: value ?? new Uint8Array() })
  }
  return records
}
