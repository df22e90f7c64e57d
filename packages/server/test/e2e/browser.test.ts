import { launchChromium, needs, startHub, tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { publishTo } from '../support/audit.ts'

const chromium = needs('chromium')

const EVENTS = 2_000
const EVENTS_A_SECOND = 500

/** What a page does that knows no library: the browser's own EventSource, and a list. */
const PAGE = `<!doctype html><title>reader</title><script>
  window.received = []
  window.opened = 0
  const source = new EventSource('/topics/prices')
  source.onopen = () => { window.opened += 1 }
  source.onmessage = ({ data, lastEventId }) => window.received.push([data, lastEventId])
  source.addEventListener('tailrace.gap', ({ data }) => window.received.push(['gap', data]))
</script>`

interface Reader {
  received: [string, string][]
  opened: number
}

test.skipIf(!chromium)(
  "Chromium's own EventSource, which decodes a compressed stream, has every acknowledged event once and in order after the hub was killed",
  { timeout: 60_000 },
  async () => {
    using dir = tempDir()
    const log = `sqlite:${dir.path}/log.db`
    const args = ['--retry', '200ms', '--compress']
    let hub = await startHub({ log, args })
    const { port, url } = hub
    const browser = await launchChromium()
    try {
      const page = await browser.newPage()
      const codings = new Set<string | undefined>()
      page.on('response', (response) => {
        if (response.url().endsWith('/topics/prices')) codings.add(response.headers()['content-encoding'])
      })
      await page.route('**/page', (route) => route.fulfill({ contentType: 'text/html', body: PAGE }))
      await page.goto(`${url}/page`)
      const read = (): Promise<Reader> =>
        page.evaluate(() => {
          const { received, opened } = window as unknown as Reader
          return { received, opened }
        })
      const until = (isMet: string): Promise<unknown> =>
        page.waitForFunction(isMet, undefined, { timeout: 20_000 })
      await until('window.opened === 1')

      let life = Promise.withResolvers<void>()
      const ids = new Map<string, string>()
      const publishing: Promise<void>[] = []
      const publish = async (data: string): Promise<void> => {
        for (;;) {
          try {
            ids.set(data, (await publishTo(url, 'prices', data, { 'Idempotency-Key': data })).id)
            return
          } catch {
            await life.promise
          }
        }
      }
      // By the clock and not by the answer: the publisher goes on at its pace while there is no hub.
      const pace = setInterval(() => {
        for (let i = 0; i < EVENTS_A_SECOND / 50; i += 1)
          publishing.push(publish(`event ${publishing.length}`))
        if (publishing.length >= EVENTS) clearInterval(pace)
      }, 20)

      await until(`window.received.length > ${EVENTS / 4}`)
      await hub.kill('SIGKILL')
      hub = await startHub({ log, args, port })
      life.resolve()
      life = Promise.withResolvers<void>()
      await until(`window.received.length >= ${EVENTS}`)
      await Promise.all(publishing)

      const { received, opened } = await read()
      expect(opened).toBeGreaterThan(1)
      expect([...codings]).toEqual(['gzip'])
      const inLogOrder = [...ids].toSorted(
        ([, a], [, b]) => Number(a.split('.')[1]) - Number(b.split('.')[1]),
      )
      expect(received).toEqual(inLogOrder)
      expect(received).toHaveLength(EVENTS)
    } finally {
      await browser.close()
      await hub.kill('SIGKILL')
    }
  },
)
