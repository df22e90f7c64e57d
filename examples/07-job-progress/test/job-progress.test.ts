import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launchChromium, needs, startExample, tempDir } from '@tailrace/testkit'
import type { Example, TempDir } from '@tailrace/testkit'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'

const chromium = needs('chromium')
const main = new URL('../start.ts', import.meta.url)
const root = fileURLToPath(new URL('../../..', import.meta.url))
/** A job of five seconds. */
const LARGE = randomBytes(100 * 64 * 1024)

let dir: TempDir
let example: Example
let browser: Browser
let page: Page
const failures: string[] = []

beforeAll(async () => {
  // As `npm start` does: the page imports the client as it is published.
  execFileSync('node_modules/.bin/tsc', ['-b', 'packages/client'], { cwd: root })
  dir = tempDir()
  example = await startExample(main, { LOG: `sqlite:${dir.path}/log.db` })
  if (chromium) browser = await launchChromium()
})

afterAll(async () => {
  await browser?.close()
  await example?.[Symbol.asyncDispose]()
  dir[Symbol.dispose]()
})

beforeEach(async () => {
  if (!chromium) return
  page = await browser.newPage()
  page.on('pageerror', (error) => failures.push(error.message))
  await page.goto(example.url)
})

afterEach(() => page?.close())

async function upload(name: string, bytes: Buffer): Promise<void> {
  const file = join(dir.path, name)
  writeFileSync(file, bytes)
  await page.setInputFiles('input', file)
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
    await upload('<b>zig zag', Buffer.from('ab'.repeat(600_000)))
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
    // And after a restart of the server.
    await example.kill()
    await example.restart()
    await page.reload()
    await state().toBe('done')
    expect(await pixels(page)).toHaveLength(3)
  },
)

test.skipIf(!chromium)('cancelling stops the job, for every page that follows it', async () => {
  await upload('random', LARGE)
  await page.click('text=Cancel')
  const other = await browser.newPage()
  await other.goto(page.url())
  for (const one of [page, other]) {
    await expect.poll(() => one.textContent('#message')).toBe('The stream was cancelled.')
  }
  expect(await percent()).toBeLessThan(100)
})

test.skipIf(!chromium)('a page learns that the server stopped in the middle of its job', async () => {
  await upload('random', LARGE)
  await example.kill('SIGTERM')
  await example.restart()
  await expect.poll(() => page.textContent('#message')).toMatch(/^The producer of this stream/)
  await state().toBe('failed')
  expect(failures).toEqual([])
})

test.skipIf(!chromium)('a page says that a job does not exist', async () => {
  await page.goto(`${example.url}/#no-such-job`)
  await page.reload()
  await expect.poll(() => page.textContent('#message')).toMatch(/404/)
})
