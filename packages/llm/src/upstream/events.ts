import { createDecoder, WireError } from '@tailrace/wire'
import { RelayError } from '../errors.ts'
import type { Format, UpstreamEvent } from '../formats/format.ts'

/** The most that a decoder can hold. */
const MAX_DECODER_LENGTH = 2 ** 28
/** Room for the names of the lines of a small event. */
const NAMES_LENGTH = 1024

const LINE_END = new Uint8Array([0x0a])

/**
 * The events of a body, those of each chunk together. Comments and ids are dropped. Ends with the body.
 *
 * @throws RelayError `event-too-large`, before more than twice `maxEventBytes` of an event is held
 */
export async function* eventsOf(
  chunks: AsyncIterable<Uint8Array>,
  format: Format,
  maxEventBytes: number,
): AsyncGenerator<readonly UpstreamEvent[]> {
  let events: UpstreamEvent[] = []
  const onEvent = ({ type, data }: { type: string; data: string }): void => {
    events.push({ type: type === 'message' ? undefined : type, data })
  }
  // Twice, because the decoder counts `data:` for each line.
  const maxBufferLength = Math.min(2 * maxEventBytes + NAMES_LENGTH, MAX_DECODER_LENGTH)
  const decoder = createDecoder({ onEvent }, { maxBufferLength })
  for await (const chunk of chunks) {
    events = []
    let failure: WireError | undefined
    try {
      decoder.push(chunk)
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      failure = error
    }
    if (events.length > 0) yield events
    if (failure !== undefined) throw tooLarge(maxEventBytes, failure)
  }
  // Some servers omit the blank line after the last event, and the official clients accept that.
  events = []
  decoder.push(LINE_END)
  yield events.filter((event) => format.ending(event) !== undefined)
}

export function tooLarge(maxEventBytes: number, cause: unknown): RelayError {
  const message = `An event of the answer has more than ${maxEventBytes} bytes: raise \`maxEventBytes\` of the hub.`
  return new RelayError('event-too-large', message, { details: { maxEventBytes }, cause })
}
