import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** How often it looks which tokens are due. */
const TICK_MS = 1
/** Answers begin one after the other, so that each first token has the machine for itself. */
const STAGGER_MS = 25

/** An answer in the format of OpenAI's chat completions, one token after the other. */
interface Answer {
  readonly response: ServerResponse
  readonly tokens: number
  readonly perSecond: number
  readonly isOnlyFirstMarked: boolean
  readonly beginsAt: number
  sent: number
}

const answers = new Set<Answer>()
let asked = 0

/** `?tokens=…&rate=…`: with `first`, only the first token has a mark, and the answers begin in turn. */
function begin(request: IncomingMessage, response: ServerResponse): void {
  const query = new URL(request.url ?? '/', 'http://upstream').searchParams
  const isOnlyFirstMarked = query.has('first')
  const turn = isOnlyFirstMarked ? 8 + (asked++ % 40) : 0
  const answer = {
    response,
    tokens: Number(query.get('tokens')),
    perSecond: Number(query.get('rate')),
    isOnlyFirstMarked,
    beginsAt: performance.now() + turn * STAGGER_MS,
    sent: 0,
  }
  response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders()
  response.on('close', () => answers.delete(answer))
  answers.add(answer)
}

function mark(answer: Answer): string {
  if (answer.isOnlyFirstMarked && answer.sent > 0) return ' and'
  const now = String(process.hrtime.bigint()).padStart(19, '0')
  return `@@${now},${String(answer.sent).padStart(10, '0')}@@`
}

function sendWhatIsDue(): void {
  const now = performance.now()
  for (const answer of answers) {
    const due = Math.floor(((now - answer.beginsAt) * answer.perSecond) / 1000) + 1
    while (answer.sent < Math.min(due, answer.tokens)) {
      const chunk = {
        id: 'chatcmpl-1',
        object: 'chat.completion.chunk',
        created: 1,
        model: 'scripted',
        choices: [{ index: 0, delta: { content: mark(answer) }, finish_reason: null }],
      }
      answer.response.write(`data: ${JSON.stringify(chunk)}\n\n`)
      answer.sent += 1
    }
    if (answer.sent < answer.tokens) continue
    answers.delete(answer)
    answer.response.end('data: [DONE]\n\n')
  }
}

setInterval(sendWhatIsDue, TICK_MS)
createServer(begin).listen(Number(process.argv[2]), '127.0.0.1', 4096)
