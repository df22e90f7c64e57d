import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { serve } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { respondStream } from '@tailrace/http/web'
import { createHub } from '@tailrace/hub'
import { drawPairs } from './draw-pairs.ts'

const STEP_BYTES = 64 * 1024

const hub = await createHub({ log: process.env['LOG'] ?? 'sqlite:jobs.db', retryMs: 1_000 })
const app = new Hono()
const page = readFileSync(new URL('index.html', import.meta.url), 'utf8')
app.get('/', (c) => c.html(page))

app.post('/jobs', bodyLimit({ maxSize: 20 * 1024 * 1024 }), async (c) => {
  const { file } = await c.req.parseBody()
  if (!(file instanceof File)) return c.text('Upload a file.', 400)
  // Whoever knows the id of a job may follow and cancel it.
  const id = randomUUID()
  // The job goes on when the page is closed. Any number of pages can follow it, from its start.
  const job = hub.stream(`jobs/${id}`)
  void job.pipe(countPairs(file))
  await job.opened
  return c.json({ id }, 202)
})

// GET follows a job, DELETE cancels it.
app.on(['GET', 'DELETE'], '/jobs/:id', (c) =>
  respondStream(hub, c.req.raw, { topic: `jobs/${c.req.param('id')}` }),
)

/** Each value that it yields becomes an event. If the job is cancelled, it ends at the next `yield`. */
async function* countPairs(file: File): AsyncGenerator<object> {
  const counts = new Uint32Array(65_536)
  const bytes = await file.bytes()
  let previous = 0
  for (let done = 0; done < bytes.length; done += STEP_BYTES) {
    yield { name: file.name, percent: Math.floor((100 * done) / bytes.length) }
    for (const byte of bytes.subarray(done, done + STEP_BYTES)) {
      counts[(previous << 8) | byte]! += 1
      previous = byte
    }
    // A demonstration should not be over too soon.
    await setTimeout(50)
  }
  // Events are text, so binary data travels as base64.
  yield { name: file.name, percent: 100, png: drawPairs(counts).toString('base64') }
}

// The modules that the page imports.
for (const name of ['client', 'wire']) {
  const dist = new URL('dist', import.meta.resolve(`@tailrace/${name}/package.json`))
  const rewriteRequestPath = (path: string): string => path.slice(`/${name}`.length)
  app.use(`/${name}/*`, serveStatic({ root: fileURLToPath(dist), rewriteRequestPath }))
}

serve({ fetch: app.fetch, port: Number(process.env['PORT'] ?? 4287), hostname: '127.0.0.1' }, ({ port }) => {
  console.log(`Open http://127.0.0.1:${port}`)
})

// Ends the jobs that are running, so that their pages learn it at once.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void hub.close().finally(() => process.exit()))
}
