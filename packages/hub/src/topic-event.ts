import type { NewEvent } from '@tailrace/log'

/** An event of a topic that is named beside it. */
export interface TopicEvent extends Omit<NewEvent, 'topic' | 'data'> {
  /** A string is stored verbatim; any other value as its JSON text. @defaultValue the empty string */
  readonly data?: unknown
}

const MEMBERS: ReadonlySet<string> = new Set<keyof TopicEvent>([
  'type',
  'data',
  'key',
  'remove',
  'end',
  'idempotencyKey',
  'trace',
])

/**
 * Checks what a caller without types passes as an event. Data in place of an event would be lost.
 *
 * @throws TypeError
 */
export function assertEvent(event: unknown, members: ReadonlySet<string> = MEMBERS): void {
  const flaw =
    typeof event !== 'object' || event === null
      ? `not ${event === null ? 'null' : typeof event}`
      : unknownMember(event, members)
  if (flaw !== undefined)
    throw new TypeError(`an event must be an object such as \`{ type, data }\`, ${flaw}`)
}

function unknownMember(event: object, members: ReadonlySet<string>): string | undefined {
  const name = Object.keys(event).find((one) => !members.has(one))
  return name === undefined ? undefined : `without ${JSON.stringify(name.slice(0, 64))}`
}

export function toNewEvent(topic: string, { data = '', ...fields }: TopicEvent): NewEvent {
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
