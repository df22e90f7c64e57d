import { readFileSync } from 'node:fs'
import { bodyLimit, H3, HTTPError, serve } from 'h3'
import { respond, respondHistory } from '@tailrace/http/web'
import { createHub } from '@tailrace/hub'

const DAY_MS = 24 * 60 * 60 * 1000
/** The topic of a day in UTC. History is read forwards, so the feed goes back in time from topic to topic. */
const topicOf = (time: number): string => `activity/${new Date(time).toISOString().slice(0, 10)}`

const hub = await createHub({
  log: process.env['LOG'] ?? 'sqlite:activity.db',
  retryMs: Number(process.env['RETRY_MS'] ?? 1_000),
})
const topics = async (): Promise<string[]> => {
  const found = await hub.topics({ prefix: 'activity/', after: '', limit: 1000 })
  return found.map(({ topic }) => topic)
}

const app = new H3()
const page = readFileSync(new URL('index.html', import.meta.url), 'utf8')
app.get('/', () => new Response(page, { headers: { 'Content-Type': 'text/html; charset=utf-8' } }))

app.get('/topics', topics)

app.get('/newest', (event) => {
  // An event of the next day, published at midnight while this page is read, belongs to it as well.
  const today = Date.now()
  return respondHistory(hub, event.req, { topics: [topicOf(today), topicOf(today + DAY_MS)] })
})

app.get('/activity/:day', (event) =>
  respondHistory(hub, event.req, { topics: [`activity/${event.context.params!['day']}`] }),
)

app.get('/live', (event) => respond(hub, event.req, { patterns: ['activity/*'], envelope: true }))

app.use('/activity', bodyLimit(10_000), { method: 'POST' })
app.post('/activity', async ({ req }) => {
  // Browsers say if a page of another site caused the request.
  if ((req.headers.get('Sec-Fetch-Site') ?? 'same-origin') !== 'same-origin')
    throw new HTTPError({ status: 403 })
  const { who, what } = Object(await req.json().catch(() => undefined)) as Record<string, unknown>
  if (typeof who !== 'string' || typeof what !== 'string') throw new HTTPError({ status: 400 })
  const at = Date.now()
  return hub.publish(topicOf(at), { type: 'activity', data: { who, what, at } })
})

if ((await topics()).length === 0) await publishSamples()
const port = Number(process.env['PORT'] ?? 4288)
// h3 would only close its server when it is interrupted, and the hub would go on.
const server = serve(app, { port, hostname: '127.0.0.1', silent: true, gracefulShutdown: false })
await server.ready()
console.log(`Open ${server.url}`)

/** Three days to scroll through. */
async function publishSamples(): Promise<void> {
  const people = ['Ann', 'Bob', 'Chi', 'Dee']
  const deeds = ['opened the pump', 'closed valve 3', 'read the level', 'cleaned the screen', 'left a note']
  for (let time = Date.now() - 3 * DAY_MS; time < Date.now() - DAY_MS / 24; time += DAY_MS / 16) {
    const n = Math.floor(time / (DAY_MS / 16))
    const data = { who: people[n % people.length], what: deeds[n % deeds.length], at: time }
    await hub.publish(topicOf(time), { type: 'activity', data })
  }
}
