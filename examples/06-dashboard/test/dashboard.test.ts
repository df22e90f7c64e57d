import { launchChromium, needs, openStream, startExample } from '@tailrace/testkit'
import type { Example, Frame } from '@tailrace/testkit'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'

const chromium = needs('chromium')
const main = new URL('../start.ts', import.meta.url)
const SYMBOLS = ['ACME', 'GLOBEX', 'HOOLI', 'INITECH', 'SOYLENT', 'UMBRELLA']

let example: Example
let browser: Browser

beforeAll(async () => {
  await Promise.all([start(), launch()])
}, 60_000)

async function start(): Promise<void> {
  example = await startExample(main)
  // Until the market has opened.
  const reader = await openStream(`${example.url}/quotes`)
  await reader.waitFor((all) => all.some(({ event }) => event === 'quote'))
  reader.close()
}

async function launch(): Promise<void> {
  if (chromium) browser = await launchChromium()
}

afterAll(async () => {
  await browser?.close()
  await example?.[Symbol.asyncDispose]()
})

const quoteOf = ({ data }: Frame): { symbol: string; tick: number } => JSON.parse(data!)
const isLive = ({ event }: Frame): boolean => event === 'tailrace.live'

/** The symbols of the snapshot that a stream begins with. Its quotes have no ids. */
async function snapshot(headers: Record<string, string> = {}): Promise<string[]> {
  const reader = await openStream(`${example.url}/quotes`, { headers })
  const frames = await reader.waitFor((all) => all.some(isLive))
  reader.close()
  const before = frames.slice(0, frames.findIndex(isLive))
  return before
    .filter(({ event, id }) => event === 'quote' && id === undefined)
    .map((frame) => quoteOf(frame).symbol)
}

test('a stream begins with the newest quote of each symbol, and so does one whose position is gone', async () => {
  // Quotes that are published while a snapshot is sent are missing from it, and follow with ids: then, once more.
  await expect.poll(() => snapshot()).toEqual(SYMBOLS)
  await expect.poll(() => snapshot({ 'Last-Event-ID': 'other.42' })).toEqual(SYMBOLS)
})

test('a stream leaves most of the quotes out', async () => {
  const reader = await openStream(`${example.url}/quotes`)
  const rounds = 6
  const frames = await reader.waitFor((all) => all.length > (rounds + 3) * SYMBOLS.length)
  reader.close()
  const ticks = frames
    .filter(({ event }) => event === 'quote')
    .map(quoteOf)
    .flatMap(({ symbol, tick }) => (symbol === 'ACME' ? [tick] : []))
  // Of at least four quotes, the newest.
  expect(ticks.at(-1)! - ticks.at(-rounds)!).toBeGreaterThan(2 * rounds)
})

test.skipIf(!chromium)(
  'the page shows prices and a chart, and goes on after the server was killed',
  async () => {
    const page = await browser.newPage()
    const failures: string[] = []
    page.on('pageerror', (error) => failures.push(error.message))
    await page.goto(example.url)
    const state = () => expect.poll(() => page.textContent('#state'))
    await state().toBe('live')
    expect(await page.locator('tbody button').allTextContents()).toEqual(SYMBOLS)

    await page.click('text=HOOLI')
    expect(await page.textContent('h2')).toBe('HOOLI')
    expect(await page.locator('[aria-pressed=true]').allTextContents()).toEqual(['HOOLI'])
    await expect.poll(() => drawn(page)).toBeGreaterThan(50)
    await expect
      .poll(() => page.textContent('#rate'))
      .toMatch(/^\d+ quotes\/s in the market, \d+\/s received$/)

    await example.kill()
    await state().toBe('reconnecting')
    const before = await ticks(page)
    await example.restart()
    await state().toBe('live')
    await expect.poll(async () => (await ticks(page)).every((tick, i) => tick > before[i]!)).toBe(true)

    // After a reload, the chart begins with the last minute: here, nothing else reaches the page.
    await page.route('**/quotes', (route) => route.abort())
    await page.reload()
    await expect.poll(() => drawn(page)).toBeGreaterThan(50)
    expect(failures).toEqual([])
  },
)

const ticks = async (page: Page): Promise<number[]> => {
  const all = await page
    .locator('[data-tick]')
    .evaluateAll((cells) => cells.map((cell) => cell.dataset['tick']))
  return all.map(Number)
}

/** The number of pixels of the chart that have the color of the line. */
const drawn = (page: Page): Promise<number> =>
  page.evaluate(() => {
    const canvas = document.querySelector('canvas')!
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height)
    const color = getComputedStyle(document.querySelector('#chart')!).fill.match(/\d+/g)!.map(Number)
    let count = 0
    for (let i = 0; i < data.length; i += 4) if (color.every((part, j) => data[i + j] === part)) count += 1
    return count
  })
