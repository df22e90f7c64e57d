import type { NewEvent } from '@tailrace/log'

/** An event of a topic that is named beside it. */
export interface TopicEvent extends Omit<NewEvent, 'topic' | 'data'> {
  /** A string is stored verbatim; any other value as its JSON text. @defaultValue the empty string */
  readonly data?: unknown
}

/** @throws TypeError as {@link toText}, or if the event is no object, which would be stored without its data */
export function toNewEvent(topic: string, event: TopicEvent): NewEvent {
  if (typeof event !== 'object' || event === null)
    throw new TypeError('an event must be an object: pass `{ data }`, with or without a `type`')
  const { data = '', ...fields } = event
  return { ...fields, topic, data: toText(data) }
}

/** @throws TypeError if the value has no JSON text, such as a function or a circular object, or if it is binary */
export function toText(data: unknown): string {
  if (typeof data === 'string') return data
  // Their JSON text would be an object with a member for each byte.
  if (ArrayBuffer.isView(data) || data instanceof ArrayBuffer) {
    const hint = 'decode them (a stream of them by `TextDecoderStream`), or write them in base64'
    throw new TypeError(`\`data\` must be text or a JSON value, not bytes: ${hint}`)
  }
  const text = JSON.stringify(data) as string | undefined
  if (text === undefined) throw new TypeError(`\`data\` must be text or a JSON value, not ${typeof data}`)
  return text
}
