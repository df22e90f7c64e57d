import { formatDialect, relay } from '@tailrace/llm'
import { serve } from '@tailrace/http/node'
import { createHub } from '@tailrace/hub'
import express from 'express'

const [port, log, upstream] = process.argv.slice(2)
const hub = await createHub({ log: log! })
const dialect = formatDialect('openai-chat')
const app = express()
const ended = { complete: 0, failed: 0 }
let asked = 0

app.get('/answers', async (request, response) => {
  const topic = `answers/${(asked += 1)}`
  const query = request.originalUrl.slice(request.path.length)
  const { done } = relay(hub, fetch(`${upstream}/${query}`), { topic, format: 'openai-chat' })
  done.then(
    () => (ended.complete += 1),
    () => (ended.failed += 1),
  )
  await serve(hub, request, response, { topics: [topic], from: 'start', dialect })
})

app.get('/ended', (_, response) => {
  response.json(ended)
})

app.listen(Number(port), '127.0.0.1', 4096)
