import { type Channel, createChannel, createSession } from 'better-sse'
import express from 'express'

/** The guide's "channels": each reader is a session, registered with its topic's channel. */
const channels = new Map<string, Channel>()

function channelOf(topic: string): Channel {
  let channel = channels.get(topic)
  if (channel === undefined) channels.set(topic, (channel = createChannel()))
  return channel
}

const [port] = process.argv.slice(2)
const app = express()

app.get('/events/:topic', async (request, response) => {
  channelOf(request.params.topic).register(await createSession(request, response))
})

app.post('/events/:topic', express.json(), (request, response) => {
  channelOf(request.params.topic).broadcast(request.body, 'note')
  response.sendStatus(204)
})

app.listen(Number(port), '127.0.0.1', 4096)
