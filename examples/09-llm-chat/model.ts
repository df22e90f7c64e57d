import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** What a stand-in says: pieces of text, until it is done or the signal is aborted because the client has left. */
export type Script = (question: string, signal: AbortSignal) => AsyncIterable<string>

/**
 * A stand-in for an OpenAI-compatible API, on this machine only: it streams what the script says as chat completions.
 * Resolves with its base URL, and with `close`.
 */
export async function startModel(script: Script = sayAnswer): Promise<{ url: string; close(): void }> {
  const server = createServer((request, response) => void answer(request, response))

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk as string
    const { messages } = JSON.parse(body) as { messages: { role: string; content: string }[] }
    const send = (delta: object, finish_reason: string | null = null): unknown =>
      response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`)

    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    send({ role: 'assistant', content: '' })
    try {
      for await (const content of script(messages.at(-1)!.content, gone.signal)) send({ content })
    } catch (error) {
      // Without its last frame, as an API that fails.
      if (!gone.signal.aborted) response.destroy(error as Error)
      return
    }
    send({}, 'stop')
    response.end('data: [DONE]\n\n')
  }
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/v1`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

const ANSWER = `A tail race is the channel that carries water away from a mill, after the wheel has taken its power. \
It has no pumps and no gates: whatever has passed the wheel flows down it, in order, and is gone from the mill.

An answer from a language model is such a flow. It costs money and time to produce, it comes in small pieces, and it comes \
only once. If the page that shows it is the only place where the pieces are kept, a reload loses what has already been paid for.

So this page does not keep them. Each piece goes into a log first, and every page reads the log: this tab, another tab, the \
same tab after a reload. All of them show the same text, from its first word, and continue at the same place. When you press \
Stop, the model is stopped, and that is recorded as well, so no page waits for words that will never come.

Nothing here depends on the connection over which you read this sentence.`

/** The same answer to every question, a word at a time, as fast as a person reads aloud. */
async function* sayAnswer(_question: string, signal: AbortSignal): AsyncIterable<string> {
  for (const word of ANSWER.split(/(?<=\s)(?=\S)/)) {
    await pause(60, undefined, { signal })
    yield word
  }
}
