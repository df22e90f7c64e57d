import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { launchChromium, needs, startExample } from '@tailrace/testkit'
import type { Example } from '@tailrace/testkit'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

const chromium = needs('chromium')
const main = new URL('../start.ts', import.meta.url)
const root = fileURLToPath(new URL('../../..', import.meta.url))
/** A job of five seconds. */
const LARGE = Buffer.alloc(100 * 16 * 1024)

let example: Example
let browser: Browser
let page: Page
const failures: string[] = []

beforeAll(async () => {
  await Promise.all([build(), start(), launch()])
}, 60_000)

/** As `npm start` does: the page imports the client as it is published. */
async function build(): Promise<void> {
  await promisify(execFile)('node_modules/.bin/tsc', ['-b', 'packages/client'], { cwd: root })
}

async function start(): Promise<void> {
  example = await startExample(main)
}

async function launch(): Promise<void> {
  if (!chromium) return
  browser = await launchChromium()
  page = await browser.newPage()
  page.on('pageerror', (error) => failures.push(error.message))
}

afterAll(async () => {
  await browser?.close()
  await example?.[Symbol.asyncDispose]()
})

afterEach(() => {
  if (failures.length > 0) throw new Error(failures.join('\n'))
})

async function upload(name: string, buffer: Buffer): Promise<void> {
  await page.goto('about:blank')
  await page.goto(example.url)
  await page.setInputFiles('input', { name, mimeType: 'application/octet-stream', buffer })
  await expect.poll(() => percent()).toBeGreaterThan(0)
}

const state = () => expect.poll(() => page.textContent('#state'))
const percent = (one: Page = page): Promise<number> =>
  one.locator('progress').evaluate((bar) => (bar as HTMLProgressElement).value)

/** The pixels of the result that are not black, as `x,y`. */
const pixels = (one: Page): Promise<string[]> =>
  one.locator('img:not([hidden])').evaluate(async (image) => {
    const picture = image as HTMLImageElement
    await picture.decode()
    const context = new OffscreenCanvas(picture.naturalWidth, picture.naturalHeight).getContext('2d')!
    context.drawImage(picture, 0, 0)
    const { data, width } = context.getImageData(0, 0, picture.naturalWidth, picture.naturalHeight)
    return Array.from({ length: data.length / 4 }, (_, i) => i)
      .filter((i) => data[4 * i]! > 0)
      .map((i) => `${i % width},${Math.floor(i / width)}`)
  })

test.skipIf(!chromium)(
  'a job survives a reload, and its result arrives as an image on every page',
  async () => {
    await upload('<b>zig zag', Buffer.from('ab'.repeat(150_000)))
    const before = await percent()
    await page.reload()
    await expect.poll(() => percent()).toBeGreaterThanOrEqual(before)
    const other = await browser.newPage()
    await other.goto(page.url())
    await state().toBe('done')
    for (const one of [page, other]) {
      expect(await one.textContent('h2')).toBe('<b>zig zag')
      expect(await pixels(one)).toEqual(['97,0', '98,97', '97,98'])
      expect(await percent(one)).toBe(100)
    }
    await other.close()
  },
)

test.skipIf(!chromium)('cancelling stops the job, for every page that follows it', async () => {
  await page.goto(example.url)
  const dataTransfer = await page.evaluateHandle((size) => {
    const dropped = new DataTransfer()
    dropped.items.add(new File([new Uint8Array(size)], 'dropped'))
    return dropped
  }, LARGE.length)
  await page.dispatchEvent('label', 'drop', { dataTransfer })
  await expect.poll(() => page.textContent('h2')).toBe('dropped')
  await page.click('text=Cancel')
  const other = await browser.newPage()
  await other.goto(page.url())
  for (const one of [page, other]) {
    await expect.poll(() => one.textContent('#message')).toBe('The stream was cancelled.')
  }
  expect(await percent()).toBeLessThan(100)
  await other.close()
})

test.skipIf(!chromium)(
  'when the server stops, a running job fails, and the result of another stays',
  async () => {
    await upload('small', Buffer.from('abab'))
    await state().toBe('done')
    const finished = page.url()
    await upload('large', LARGE)
    await example.kill('SIGTERM')
    await example.restart()
    await expect.poll(() => page.textContent('#message')).toMatch(/^The producer of this stream/)
    await state().toBe('failed')
    await page.goto(finished)
    await page.reload()
    await state().toBe('done')
    expect(await pixels(page)).toHaveLength(3)
  },
)

test('the server refuses uploads of other sites, and what is not a file of at most 20 MB', async () => {
  const post = async (id: string, body: BodyInit, site: string): Promise<number> =>
    (await fetch(`${example.url}/jobs/${id}`, { method: 'POST', body, headers: { 'Sec-Fetch-Site': site } }))
      .status
  const form = (bytes: number): FormData => {
    const data = new FormData()
    data.append('file', new File([new Uint8Array(bytes)], '../name\r\n'))
    return data
  }
  expect(await post('other', form(10), 'cross-site')).toBe(403)
  expect(await post('text', 'no form', 'same-origin')).toBe(400)
  expect(await post('empty', new FormData(), 'same-origin')).toBe(400)
  expect(await post('*', form(10), 'same-origin')).toBe(400)
  expect(await post('twice', form(10), 'same-origin')).toBe(200)
  expect(await post('twice', form(10), 'same-origin')).toBe(409)
  const headers = { 'Sec-Fetch-Site': 'same-origin', 'Content-Length': 21 * 1024 * 1024 }
  const large = request(`${example.url}/jobs/large`, { method: 'POST', headers })
  large.flushHeaders()
  const [response] = (await once(large, 'response')) as [IncomingMessage]
  expect(response.statusCode).toBe(413)
  large.destroy()
  for (const path of ['/client/..%2fpackage.json', '/client/%2e%2e/package.json', '/client/']) {
    expect((await fetch(example.url + path)).status).toBe(404)
  }
})

test.skipIf(!chromium)('a page says that a job does not exist', async () => {
  await page.goto(`${example.url}/#no-such-job`)
  await expect.poll(() => page.textContent('#message')).toMatch(/404/)
})
