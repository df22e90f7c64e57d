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
const ANY_EPOCH = -1

export interface Fetched {
  readonly records: readonly SequencedRecord[]
  /** The offset behind the last record. */
  readonly next: number
}

/** Waits a while for records from an offset on. @throws the driver's errors */
export async function fetchRecords(broker: Broker, topicId: string, offset: number): Promise<Fetched> {
  const partition = {
    partition: 0,
    currentLeaderEpoch: ANY_EPOCH,
    fetchOffset: BigInt(offset),
    lastFetchedEpoch: ANY_EPOCH,
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
  const batches = responses[0]?.partitions[0]?.records ?? []
  const last = batches.at(-1)
  return {
    records: batches.flatMap((batch) => recordsOf(batch, offset)),
    next: last === undefined ? offset : endOf(last),
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
