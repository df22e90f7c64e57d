import { readFileSync } from 'node:fs'
import { serve } from '@hono/node-server'
import { respond } from '@tailrace/http/web'
import { Hono } from 'hono'
import { ask, readChat, resume, stop, topicOf } from '../server/chats.ts'
import { getHub } from '../server/hub.ts'

// Serves the chat without Next, which takes long to build: the same functions at the same paths, and the same page.
const script = readFileSync(process.env['PAGE']!)
const app = new Hono()

app.get('/page.js', (c) => c.body(script, 200, { 'Content-Type': 'text/javascript' }))
app.get('/chat/:id', async (c) => {
  const id = c.req.param('id')
  const chat = JSON.stringify({ id, ...(await readChat(id)) }).replaceAll('<', '\\u003c')
  return c.html(`<!doctype html><title>Chat</title><link rel="icon" href="data:,"><body>
    <script>const CHAT = ${chat}</script><script type="module" src="/page.js"></script>`)
})
app.post('/api/chat', async (c) => {
  const { id, question, tab } = await c.req.json()
  return ask(id, question, tab, () => {})
})
app.get('/api/chat/:id/stream', (c) => resume(c.req.param('id')))
app.delete('/api/chat/:id/stream', (c) => stop(c.req.param('id')))
app.get('/api/chat/:id/events', async (c) =>
  respond(await getHub(), c.req.raw, { topics: [topicOf(c.req.param('id'))] }),
)

const options = { fetch: app.fetch, port: Number(process.env['PORT']), hostname: '127.0.0.1' }
serve(options, ({ port }) => console.log(`http://127.0.0.1:${port}`))
