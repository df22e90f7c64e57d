import type { NewEvent } from '@tailrace/log'

/** An event of a topic that is named beside it. */
export interface TopicEvent extends Omit<NewEvent, 'topic' | 'data'> {
  /** A string is stored verbatim; any other value as its JSON text. @defaultValue the empty string */
  readonly data?: unknown
}

export function toNewEvent(topic: string, { data = '', ...fields }: TopicEvent): NewEvent {
  return { ...fields, topic, data: toText(data) }
}

/** @throws TypeError if the value has no JSON text, such as a function or a circular object */
export function toText(data: unknown): string {
  if (typeof data === 'string') return data
  const text = JSON.stringify(data) as string | undefined
  if (text === undefined) throw new TypeError(`\`data\` must be text or a JSON value, not ${typeof data}`)
  return text
}
