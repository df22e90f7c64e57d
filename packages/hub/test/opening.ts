import { parseStart, tailraceDialect, textOf } from '@tailrace/http'
import type { GapReason, HistoryQuery, Hub, Published, Subscription } from '@tailrace/hub'
import type { NewEvent, StoredEvent } from '@tailrace/log'
import { createScriptedSink } from './scripted-sink.ts'
import type { ScriptedSink } from './scripted-sink.ts'

/** A subscription as a request writes it. */
export interface Wanted extends Omit<Subscription, 'dialect' | 'start'> {
  readonly from?: string | undefined
  readonly envelope?: 'json' | undefined
  readonly trace?: boolean | undefined
  readonly time?: boolean | undefined
}

/** The subscription that is wanted, in the dialect of the Tailrace protocol. */
export function reading({ from, envelope, trace = false, time = false, ...wanted }: Wanted): Subscription {
  const namesTopic = wanted.selectors.length > 1 || wanted.selectors.some((one) => one.includes('*'))
  const representation = { envelope: envelope === 'json', namesTopic, traces: trace, times: time }
  return {
    ...wanted,
    dialect: tailraceDialect(representation),
    start: from === undefined ? undefined : parseStart(from),
  }
}

/** Subscribes, and hands back the sink once the stream is open. */
export async function open(hub: Hub, wanted: Wanted, credit?: number): Promise<ScriptedSink> {
  const sink = createScriptedSink(credit)
  const outcome = await hub.subscribe(reading(wanted), () => sink)
  if (outcome !== 'open') throw new Error(`the stream is ${outcome}`)
  return sink
}

/** A page of history, its places written as readers see them. */
export type PageText =
  | { readonly events: readonly StoredEvent[]; readonly next: string }
  | { readonly gap: { readonly reason: GapReason; readonly from: string; readonly oldest: string } }

export async function readPage(
  hub: Hub,
  { from, ...query }: Omit<HistoryQuery, 'start'> & { readonly from?: string | undefined },
  signal: AbortSignal = new AbortController().signal,
): Promise<PageText> {
  const page = await hub.read({ ...query, start: from === undefined ? undefined : parseStart(from) }, signal)
  if ('gap' in page) {
    const { reason, from: lost, oldest } = page.gap
    return { gap: { reason, from: textOf(lost), oldest: textOf(oldest) } }
  }
  return { events: page.events, next: textOf({ epoch: page.epoch, offset: page.next }) }
}

/** Publishes events one after the other. @returns their ids */
export async function publishAll(hub: Hub, events: readonly NewEvent[]): Promise<string[]> {
  const ids: string[] = []
  for (const event of events) ids.push((await publishOne(hub, event)).id)
  return ids
}

export async function publishOne(hub: Hub, event: NewEvent): Promise<Published> {
  const [published] = await hub.publish([event])
  return published!
}

/** Events of one topic with these texts. */
export function texts(topic: string, ...data: readonly string[]): NewEvent[] {
  return data.map((one) => ({ topic, data: one }))
}
