import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { launchChromium, needs, startHub, tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { ROOT } from './checkout.ts'

const chromium = needs('chromium')

/** The page that a document shows. */
function pageOf(document: string): string {
  const [, html] = /^```html\n([\s\S]*?)^```$/m.exec(readFileSync(join(ROOT, document), 'utf8'))!
  return `<!doctype html><title>page</title><link rel="icon" href="data:,">${html}`
}

async function publish(url: string, topic: string, body: string, headers = {}): Promise<void> {
  const { status } = await fetch(`${url}/topics/${topic}`, { method: 'POST', body, headers })
  expect(status).toBe(201)
}

test.skipIf(!chromium)(
  'the page in the README is blocked until its origin is allowed, then reads across a restart of the hub',
  { timeout: 60_000 },
  async () => {
    using dir = tempDir()
    let html = ''
    const site = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end(html))
    await once(site.listen(0, '127.0.0.1'), 'listening')
    const origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`
    const log = `sqlite:${dir.path}/log.db`
    const browser = await launchChromium()
    let hub = await startHub({ log })
    try {
      const { port } = hub
      html = pageOf('README.md').replaceAll('localhost:4242', `localhost:${port}`)
      const page = await browser.newPage()
      const lines: string[] = []
      page.on('console', (message) => lines.push(message.text()))
      await page.goto(origin)
      await expect.poll(() => lines.join('\n')).toContain('blocked by CORS policy')

      lines.length = 0
      const args = ['--allow-origin', origin, '--retry', '200ms']
      const connected = async (): Promise<void> => {
        const connections = async (): Promise<unknown> => (await fetch(`${hub.url}/connections`)).json()
        await expect.poll(connections).toMatchObject({ total: 1 })
      }
      await hub.kill('SIGKILL')
      hub = await startHub({ log, port, args })
      await page.reload()
      await connected()
      await publish(hub.url, 'hello', 'before')
      await expect.poll(() => lines).toContain('before')
      await hub.kill('SIGKILL')
      hub = await startHub({ log, port, args })
      await publish(hub.url, 'hello', 'after')
      await expect.poll(() => lines).toContain('after')
    } finally {
      await browser.close()
      await hub.kill('SIGKILL')
      site.close()
      site.closeAllConnections()
    }
  },
)

test.skipIf(!chromium)(
  'the page in getting started knows topic and key of what a snapshot and a pattern give it',
  { timeout: 60_000 },
  async () => {
    await using hub = await startHub({ log: 'memory:' })
    await publish(hub.url, 'prices/nasdaq', '192.4', { 'Event-Key': 'AAPL' })
    const browser = await launchChromium()
    try {
      const page = await browser.newPage()
      const lines: string[] = []
      page.on('console', (message) => lines.push(message.text()))
      const body = pageOf('docs/getting-started.md')
      await page.route('**/page', (route) => route.fulfill({ contentType: 'text/html', body }))
      await page.goto(`${hub.url}/page`)
      await expect.poll(() => lines).toEqual(['prices/nasdaq AAPL 192.4'])
    } finally {
      await browser.close()
    }
  },
)
