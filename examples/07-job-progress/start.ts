import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { serve } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { respondStream } from '@tailrace/http/web'
import { createHub } from '@tailrace/hub'
import type { StreamWriter } from '@tailrace/hub'
import { drawPairs } from './draw-pairs.ts'

const STEP_BYTES = 16 * 1024

const hub = await createHub({
  log: process.env['LOG'] ?? 'sqlite:jobs.db',
  retryMs: Number(process.env['RETRY_MS'] ?? 1_000),
})
const app = new Hono()
const page = readFileSync(new URL('index.html', import.meta.url), 'utf8')
app.get('/', (c) => c.html(page))

// POST starts a job, and responds with its stream; GET follows it from its start, or resumes; DELETE cancels it. The page
// chooses the id, so that an upload can be repeated safely: of two with the same id, one is refused.
app.all('/jobs/:id', bodyLimit({ maxSize: 20 * 1024 * 1024 }), async (c) => {
  const topic = `jobs/${c.req.param('id')}`
  if (c.req.method !== 'POST') return respondStream(hub, c.req.raw, { topic })
  const form = await c.req.parseBody().catch(() => undefined)
  const file = form?.['file']
  if (!(file instanceof File)) return c.text('This is not a form with a file.', 400)
  return respondStream(hub, c.req.raw, { topic, produce: (job) => draw(file, job) })
})

/** Goes on when all pages are closed. When the job is cancelled, `write` throws. */
async function draw(file: File, job: StreamWriter): Promise<void> {
  const counts = new Uint32Array(65_536)
  const bytes = await file.bytes()
  let previous = 0
  for (let done = 0; done < bytes.length; done += STEP_BYTES) {
    const percent = Math.floor((100 * done) / bytes.length)
    await job.write({ name: file.name, percent }, { type: 'progress' })
    for (const byte of bytes.subarray(done, done + STEP_BYTES)) {
      counts[(previous << 8) | byte]! += 1
      previous = byte
    }
    // A demonstration should not be over too soon.
    await setTimeout(50)
  }
  await job.write({ name: file.name, percent: 100 }, { type: 'progress' })
  // Events are text, so binary data travels as base64. This one is the end of the stream.
  await job.end({ type: 'picture', data: drawPairs(counts).toString('base64') })
}

// The modules that the page imports.
const modules = {
  client: import.meta.resolve('@tailrace/client/package.json'),
  wire: import.meta.resolve('@tailrace/wire/package.json'),
}
for (const [name, file] of Object.entries(modules)) {
  const root = fileURLToPath(new URL('dist', file))
  const rewriteRequestPath = (path: string): string => path.slice(`/${name}`.length)
  app.use(`/${name}/*`, serveStatic({ root, rewriteRequestPath }))
}

serve({ fetch: app.fetch, port: Number(process.env['PORT'] ?? 4287), hostname: '127.0.0.1' }, ({ port }) => {
  console.log(`Open http://127.0.0.1:${port}`)
})

// Ends the jobs that are running, so that their pages learn it at once.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void hub.close().finally(() => process.exit()))
}
