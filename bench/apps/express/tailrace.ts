import { serve } from '@tailrace/http/node'
import { createHub } from '@tailrace/hub'
import express from 'express'

const [port, log] = process.argv.slice(2)
const hub = await createHub({ log: log! })
const app = express()

app.get('/events/:topic', (request, response) =>
  serve(hub, request, response, { topics: [request.params.topic] }),
)

app.post('/events/:topic', express.json(), async (request, response) => {
  await hub.publish(request.params.topic, { type: 'note', data: request.body as unknown })
  response.sendStatus(204)
})

app.listen(Number(port), '127.0.0.1', 4096)
