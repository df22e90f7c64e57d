import { Payload, STREAM_FAILED } from '@tailrace/hub'
import type { Dialect, StreamFailureCode } from '@tailrace/hub'

/** What a reader within the process learns of a stream, one JSON text per line. */
export type Message =
  /** What follows is not stored yet. */
  | { readonly live: true }
  | { readonly chunk: string }
  | { readonly failure: { readonly code: StreamFailureCode; readonly message: string } }
  /** The hub cannot continue, for this reason. */
  | { readonly cut: string }
  | { readonly over: true }

const NOTHING = new Uint8Array()

/** Writes chunks as they are, for which Server-Sent Events are no use: all line breaks become LF there. */
export const MESSAGES: Dialect = {
  key: 'resumable-stream',
  frame({ type, data }) {
    if (type === STREAM_FAILED) return lineOf({ failure: JSON.parse(data) })
    return type === undefined ? lineOf({ chunk: data }) : NOTHING
  },
  live: () => lineOf({ live: true }),
  gap: ({ reason }) => lineOf({ cut: reason }),
  end: () => lineOf({ over: true }),
  error: (code) => lineOf({ cut: code }),
  retry: () => NOTHING,
  heartbeat: new Payload(Buffer.from('\n')),
}

function lineOf(message: Message): Uint8Array {
  return Buffer.from(`${JSON.stringify(message)}\n`)
}

/** The messages of a body. */
export async function* messagesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Message> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  let rest = ''
  for await (const bytes of body) {
    const [first = '', ...lines] = decoder.decode(bytes, { stream: true }).split('\n')
    rest += first
    for (const line of lines) {
      if (rest !== '') yield JSON.parse(rest) as Message
      rest = line
    }
  }
}
