import { serveStream } from '@tailrace/http/node'
import { createHub } from '@tailrace/hub'
import { answer } from '@tailrace/llm'
import express from 'express'

const [port, log, upstream] = process.argv.slice(2)
const hub = await createHub({ log: log! })
const app = express()
let [asked, failed] = [0, 0]

app.post('/answers', async (request, response) => {
  const query = request.originalUrl.slice(request.path.length)
  const ask = (signal: AbortSignal): Promise<Response> => fetch(`${upstream}/${query}`, { signal })
  const topic = `answers/${(asked += 1)}`
  const options = { topic, format: 'openai-chat', ask, onError: () => (failed += 1) } as const
  await serveStream(hub, request, response, answer(hub, options))
})

app.get('/failed', (_, response) => {
  response.json(failed)
})

app.listen(Number(port), '127.0.0.1', 4096)
