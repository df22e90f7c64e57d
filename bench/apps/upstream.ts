import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** How often it looks which tokens are due. */
const TICK_MS = 1

/** An answer in the format of OpenAI's chat completions, one token after the other. */
interface Answer {
  readonly response: ServerResponse
  readonly tokens: number
  readonly perSecond: number
  readonly beganAt: number
  sent: number
}

const answers = new Set<Answer>()

/** Answers `?tokens=…&rate=…`. The first token is sent at once. */
function begin(request: IncomingMessage, response: ServerResponse): void {
  const query = new URL(request.url ?? '/', 'http://upstream').searchParams
  const [tokens, perSecond] = [Number(query.get('tokens')), Number(query.get('rate'))]
  const answer = { response, tokens, perSecond, beganAt: performance.now(), sent: 0 }
  response.writeHead(200, { 'Content-Type': 'text/event-stream' })
  response.on('close', () => answers.delete(answer))
  answers.add(answer)
  sendWhatIsDue(answer)
}

function sendWhatIsDue(answer: Answer): void {
  const due = Math.floor(((performance.now() - answer.beganAt) * answer.perSecond) / 1000) + 1
  for (; answer.sent < Math.min(due, answer.tokens); answer.sent += 1) {
    const now = String(process.hrtime.bigint()).padStart(19, '0')
    const chunk = {
      id: 'chatcmpl-1',
      object: 'chat.completion.chunk',
      created: 1,
      model: 'scripted',
      choices: [
        {
          index: 0,
          delta: { content: `@@${now},${String(answer.sent).padStart(10, '0')}@@` },
          finish_reason: null,
        },
      ],
    }
    answer.response.write(`data: ${JSON.stringify(chunk)}\n\n`)
  }
  if (answer.sent < answer.tokens) return
  answers.delete(answer)
  answer.response.end('data: [DONE]\n\n')
}

setInterval(() => answers.forEach(sendWhatIsDue), TICK_MS)
createServer(begin).listen(Number(process.argv[2]), '127.0.0.1', 4096)
