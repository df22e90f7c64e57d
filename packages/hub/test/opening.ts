import type { Hub, Published, Subscription } from '@tailrace/hub'
import type { NewEvent } from '@tailrace/log'
import { createScriptedSink } from './scripted-sink.ts'
import type { ScriptedSink } from './scripted-sink.ts'

/** Subscribes, and hands back the sink once the stream is open. */
export async function open(hub: Hub, subscription: Subscription, credit?: number): Promise<ScriptedSink> {
  const sink = createScriptedSink(credit)
  const outcome = await hub.subscribe(subscription, () => sink)
  if (outcome !== 'open') throw new Error(`the stream is ${outcome}`)
  return sink
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
