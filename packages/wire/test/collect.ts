import { createDecoder, type DecodedEvent, type DecoderOptions, WireError } from '@tailrace/wire'

/** What a decoder told its sink, in order. */
export type Finding =
  | ({ is: 'event' } & DecodedEvent)
  | { is: 'retry'; ms: number }
  | { is: 'id'; id: string }
  | { is: 'comment'; text: string }
  | { is: 'error'; code: string }

const encoder = new TextEncoder()

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text)
}

/** Decodes the chunks and ends the stream. A `WireError` is the last finding. */
export function collect(chunks: readonly Uint8Array[], options: DecoderOptions = {}): Finding[] {
  const findings: Finding[] = []
  const decoder = createDecoder(
    {
      onEvent: (event) => findings.push({ is: 'event', ...event }),
      onRetry: (ms) => findings.push({ is: 'retry', ms }),
      onId: (id) => findings.push({ is: 'id', id }),
      onComment: (text) => findings.push({ is: 'comment', text }),
    },
    options,
  )
  try {
    for (const chunk of chunks) decoder.push(chunk)
  } catch (error) {
    if (!WireError.is(error)) throw error
    findings.push({ is: 'error', code: error.code })
  }
  decoder.end()
  return findings
}

/** The events of a text, each as `[type, data, lastEventId]`, after checking every way to cut it in two. */
export function eventsOf(text: string | Uint8Array): [type: string, data: string, lastEventId: string][] {
  const bytes = typeof text === 'string' ? bytesOf(text) : text
  const findings = collect([bytes])
  const expected = JSON.stringify(findings)
  const singles = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))
  if (JSON.stringify(collect(singles)) !== expected) throw new Error('byte by byte, the findings differ')
  for (let at = 0; at <= bytes.length; at++) {
    const halves = [bytes.subarray(0, at), bytes.subarray(at)]
    if (JSON.stringify(collect(halves)) !== expected) throw new Error(`cut at ${at}, the findings differ`)
  }
  return findings.flatMap((finding): [string, string, string][] =>
    finding.is === 'event' ? [[finding.type, finding.data, finding.lastEventId]] : [],
  )
}
