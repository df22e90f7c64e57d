import { launchChromium, needs, startExample } from '@tailrace/testkit'
import type { Example } from '@tailrace/testkit'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

const chromium = needs('chromium')
const main = new URL('../start.ts', import.meta.url)

let example: Example
let browser: Browser
let page: Page
const failures: string[] = []

beforeAll(async () => {
  await Promise.all([start(), launch()])
}, 60_000)

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

/** Everything in the log, newest first, as the page shows it. */
async function published(): Promise<string[]> {
  const texts: string[] = []
  for (const topic of (await getJson('/topics')) as string[]) {
    const { events } = (await getJson(`/${topic}?limit=1000`)) as { events: { data: string }[] }
    for (const { data } of events) {
      const { who, what } = JSON.parse(data)
      texts.unshift(`${who} ${what}`)
    }
  }
  return texts
}

async function getJson(path: string): Promise<unknown> {
  return (await fetch(`${example.url}${path}`)).json()
}

async function publish(what: string): Promise<void> {
  const body = JSON.stringify({ who: 'Eve', what })
  const { status } = await fetch(`${example.url}/activity`, { method: 'POST', body })
  expect(status).toBe(200)
}

const shown = (): Promise<string[]> => page.locator('li span').allTextContents()
const state = () => expect.poll(() => page.textContent('#state'))

/** Scrolls until the page has reached the first event. */
async function scrollToEnd(): Promise<void> {
  await expect
    .poll(async () => {
      await page.locator('#end').scrollIntoViewIfNeeded()
      return page.textContent('#end')
    })
    .toBe('That is all')
}

test('the server refuses what is not an activity, or not of its own page', async () => {
  const post = async (body: string, headers: Record<string, string> = {}): Promise<number> =>
    (await fetch(`${example.url}/activity`, { method: 'POST', body, headers })).status
  const activity = (what: string): string => JSON.stringify({ who: 'Eve', what })
  expect(await post(activity('x'), { 'Sec-Fetch-Site': 'cross-site' })).toBe(403)
  expect(await post(activity('x'.repeat(10_000)))).toBe(413)
  for (const odd of ['', 'null', '{', '[]', '{"who":1,"what":2}']) expect(await post(odd)).toBe(400)
  for (const day of ['*', '%2a%2a', '..%2f..%2fusers']) {
    expect(((await getJson(`/activity/${day}`)) as { events?: unknown[] }).events ?? []).toEqual([])
  }
})

test.skipIf(!chromium)('scrolling goes back day by day to the first event', async () => {
  await page.setViewportSize({ width: 400, height: 300 })
  await page.goto(example.url)
  await state().toBe('live')
  const all = await published()
  // The server is not always there.
  await page.route('**/activity/*', (route) => route.abort(), { times: 1 })
  expect(await page.locator('section').count()).toBeLessThan(3)
  await scrollToEnd()
  expect(await shown()).toEqual(all)
  const days = await page.locator('section').evaluateAll((sections) => sections.map(({ id }) => id))
  expect(days).toEqual(days.toSorted().toReversed())
  expect(days.length).toBeGreaterThan(2)
})

test.skipIf(!chromium)('nothing is missing or repeated between the history and the stream', async () => {
  // More than one page of the history.
  await Promise.all(Array.from({ length: 150 }, (_, n) => publish(`published event ${n}`)))
  let pages = 0
  await page.route('**/newest*', async (route) => {
    const response = await route.fetch()
    await publish(`published after page ${(pages += 1)} was read`)
    await route.fulfill({ response })
  })
  await page.route('**/live*', async (route) => {
    await publish('published before the stream began')
    await route.continue()
  })
  await page.goto(example.url)
  await state().toBe('live')
  expect(pages).toBeGreaterThan(1)
  await publish('published the last one')
  await expect.poll(shown).toContain('Eve published the last one')
  await scrollToEnd()
  expect(await shown()).toEqual(await published())
})

test.skipIf(!chromium)('the form publishes text to all pages, also after the server was killed', async () => {
  await page.unrouteAll()
  await page.goto(example.url)
  await state().toBe('live')
  const other = await browser.newPage()
  await other.goto(example.url)
  const type = async (what: string): Promise<void> => {
    await page.fill('[name=who]', 'Ann')
    await page.fill('[name=what]', what)
    await page.click('form button')
  }
  const newest = (one: Page) => expect.poll(() => one.locator('li span').first().textContent())
  await type('wrote <b>markup</b> & more')
  for (const one of [page, other]) await newest(one).toBe('Ann wrote <b>markup</b> & more')

  await example.kill()
  await state().toBe('reconnecting')
  await example.restart()
  await publish('published while they were away')
  for (const one of [page, other]) await newest(one).toBe('Eve published while they were away')
  await type('is back')
  for (const one of [page, other]) await newest(one).toBe('Ann is back')
  await scrollToEnd()
  expect(await shown()).toEqual(await published())
  // It stops when it is asked to, though streams are open.
  await example.kill('SIGTERM')
})
