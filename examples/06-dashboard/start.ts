import { createReadStream } from 'node:fs'
import { setInterval } from 'node:timers/promises'
import { fastify } from 'fastify'
import type { FastifyReply } from 'fastify'
import { serve, serveHistory } from '@tailrace/http/node'
import { createHub } from '@tailrace/hub'

const hub = await createHub({
  log: process.env['LOG'] ?? 'sqlite:quotes.db',
  retryMs: Number(process.env['RETRY_MS'] ?? 1_000),
  // Nobody needs old quotes. The newest of each key stays, for snapshots.
  retention: [
    { selector: 'quotes', maxCount: 20_000 },
    { selector: 'seconds', maxCount: 60 },
  ],
})
const app = fastify()

// First the newest quote of each symbol, then at most four per second and symbol, however many the market has. A page that
// returns after a long time receives the newest quotes again instead of all that it missed.
app.get('/quotes', (request, reply) => {
  reply.hijack()
  const options = { topics: ['quotes'], snapshot: true, gap: 'snapshot', conflateMs: 250 } as const
  return serve(hub, request.raw, reply.raw, options)
})

// One quote of each symbol for each of the last seconds, with which a chart begins.
app.get('/seconds', (request, reply) => {
  reply.hijack()
  return serveHistory(hub, request.raw, reply.raw, { topics: ['seconds'] })
})

const send = (reply: FastifyReply, type: string, file: URL): FastifyReply =>
  reply.type(type).send(createReadStream(file))
const uplot = import.meta.resolve('uplot')
app.get('/', (_, reply) => send(reply, 'text/html', new URL('index.html', import.meta.url)))
app.get('/uplot.js', (_, reply) => send(reply, 'text/javascript', new URL('uPlot.esm.js', uplot)))
app.get('/uplot.css', (_, reply) => send(reply, 'text/css', new URL('uPlot.min.css', uplot)))

console.log(`Open ${await app.listen({ port: Number(process.env['PORT'] ?? 4286) })}`)

// The market: 20 quotes per second for each symbol. Each round waits until the one before is durable.
const SYMBOLS = { ACME: 182, GLOBEX: 64, HOOLI: 311, INITECH: 23, SOYLENT: 97, UMBRELLA: 140 }
const TICK_MS = 50
let second = 0
for await (const _ of setInterval(TICK_MS)) {
  const at = Date.now()
  const quotes = Object.entries(SYMBOLS).map(([symbol, base], i) => {
    const drift = 2 * Math.sin(at / 19_000 + i) + Math.sin(at / (2_900 + 400 * i)) + Math.random() / 4
    return { symbol, at, tick: Math.floor(at / TICK_MS), price: base * (1 + drift / 100), drift }
  })
  const events = quotes.map((quote) => {
    return { topic: 'quotes', type: 'quote', key: quote.symbol, data: JSON.stringify(quote) }
  })
  const isNew = second !== Math.floor(at / 1000)
  const summary = isNew ? [{ topic: 'seconds', data: JSON.stringify(quotes) }] : []
  second = Math.floor(at / 1000)
  await hub.publish([...events, ...summary]).catch(console.error)
}
