/** Maximum bytes of what an API said that an error carries. */
const MAX_EXCERPT_BYTES = 4 * 1024
/** How long the body of a refusal may take, in milliseconds. */
const EXCERPT_MS = 5_000

/** The beginning of a body, as text. Never rejects; the rest of the body is not read. */
export async function readExcerpt(body: ReadableStream<Uint8Array> | null): Promise<string> {
  if (body === null) return ''
  const reader = body.getReader()
  const cancel = (): void => void reader.cancel().catch(() => undefined)
  const timer = setTimeout(cancel, EXCERPT_MS)
  const decoder = new TextDecoder()
  let text = ''
  let room = MAX_EXCERPT_BYTES
  try {
    while (room > 0) {
      const { done, value } = await reader.read()
      if (done) break
      text += decoder.decode(value.subarray(0, room), { stream: true })
      room -= value.length
    }
  } catch {
    // What has arrived says more than nothing.
  } finally {
    clearTimeout(timer)
    cancel()
  }
  return text
}

/** The beginning of a text, cut between characters. */
export function excerptOf(text: string): string {
  return text.slice(0, MAX_EXCERPT_BYTES).toWellFormed()
}
