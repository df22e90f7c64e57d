import { randomUUID } from 'node:crypto'
import { launchChromium, needs, openStream, startExample } from '@tailrace/testkit'
import type { Example } from '@tailrace/testkit'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'

const chromium = needs('chromium')
const main = new URL('../start.ts', import.meta.url)

let example: Example
let browser: Browser

beforeAll(async () => {
  await Promise.all([start(), launch()])
}, 60_000)

async function start(): Promise<void> {
  example = await startExample(main)
}

async function launch(): Promise<void> {
  if (chromium) browser = await launchChromium()
}

afterAll(async () => {
  await browser?.close()
  await example?.[Symbol.asyncDispose]()
})

const badge = (page: Page) => expect.poll(() => page.textContent('#badge'))
const state = (page: Page) => expect.poll(() => page.textContent('#state'))
const unread = (page: Page): Promise<string[]> => page.locator('li p').allInnerTexts()

async function signIn(context: BrowserContext, url: string, user: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  await page.click(`button[value=${user}]`)
  await state(page).toBe('live')
  return page
}

async function notify(page: Page, to: string, text: string): Promise<void> {
  await page.selectOption('[name=to]', to)
  await page.fill('[name=text]', text)
  await page.click('#send button')
}

test('the server refuses what is not of the user, of its own page, or of a sensible size', async () => {
  const JSON_TYPE = { 'Content-Type': 'application/json' }
  const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(example.url + path, {
      method: 'POST',
      redirect: 'manual',
      headers: { ...JSON_TYPE, ...headers },
      body: JSON.stringify(body),
    })
  const signedIn = await post('/session', { user: 'ann' })
  const Cookie = signedIn.headers.getSetCookie()[0]!.split(';')[0]!
  const send = async (body: unknown, headers = {}): Promise<number> =>
    (await post('/users/ann/sent', body, { Cookie, ...headers })).status
  const read = async (user: string, id: string, headers = {}): Promise<number> =>
    (await post(`/users/${user}/notifications/${id}/read`, {}, { Cookie, ...headers })).status

  expect(await send({ to: 'ann', text: 'To myself' })).toBe(201)
  expect(await send({ to: 'ann', text: 'x'.repeat(1_001) })).toBe(400)
  for (const to of ['eve', '__proto__', ['bob'], undefined]) expect(await send({ to, text: 'x' })).toBe(400)
  expect(await send({ to: 'bob', text: 'x' }, { 'Content-Type': 'text/plain' })).toBe(400)

  const id = randomUUID()
  expect(await read('ann', id)).toBe(204)
  expect(await read('bob', id)).toBe(403)
  expect(await read('ann%2F..%2Fbob', id)).toBe(403)
  for (const odd of ['1', 'x'.repeat(500), '%0d%0a']) expect(await read('ann', odd)).toBe(404)

  // A page of another site, or of another port of this one.
  for (const site of ['cross-site', 'same-site']) {
    const headers = { 'Sec-Fetch-Site': site }
    expect(await send({ to: 'bob', text: 'x' }, headers)).toBe(403)
    expect(await read('ann', id, headers)).toBe(403)
    expect((await post('/session', { user: 'bob' }, headers)).status).toBe(403)
  }
  // A session that was not signed by the server is none.
  for (const forged of ['user=ann', 'user=s%3Aann.forged']) {
    const headers = { Cookie: forged }
    expect((await fetch(`${example.url}/users/ann/notifications`, { headers })).status).toBe(403)
  }
})

test.skipIf(!chromium)(
  'each user sees their own unread notifications, the same in all tabs, also after the server was killed',
  async () => {
    const failures: string[] = []
    await using anns = await browser.newContext()
    await using bobs = await browser.newContext()
    for (const context of [anns, bobs])
      context.on('weberror', (error) => failures.push(String(error.error())))
    const ann = await signIn(anns, example.url, 'ann')
    await ann.click('text=Mark as read')
    await badge(ann).toBe('0')
    const other = await anns.newPage()
    await other.goto(example.url)
    const bob = await signIn(bobs, example.url, 'bob')

    await notify(bob, 'ann', '<b>one</b>')
    await notify(bob, 'ann', 'two')
    for (const tab of [ann, other]) {
      await badge(tab).toBe('2')
      const [newest, oldest] = await unread(tab)
      expect(newest).toMatch(/^two\nbob, /)
      expect(oldest).toMatch(/^<b>one<\/b>\nbob, /)
      expect(await tab.title()).toBe('(2) Notifications')
    }

    // With the keyboard, which is then at the next one.
    await ann.locator('li', { hasText: 'one' }).getByRole('button').press('Enter')
    for (const tab of [ann, other]) await badge(tab).toBe('1')
    expect(await ann.locator('li button:focus').count()).toBe(1)
    expect(await ann.getByRole('img', { name: '1 unread' }).count()).toBe(1)
    await other.reload()
    await badge(other).toBe('1')
    expect(await unread(other)).toEqual([expect.stringMatching(/^two\n/)])

    // What is read is not sent again.
    const cookie = (await anns.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ')
    const reader = await openStream(`${example.url}/users/ann/notifications`, { headers: { cookie } })
    const frames = await reader.waitFor((all) => all.some(({ event }) => event === 'tailrace.live'))
    reader.close()
    expect(frames.flatMap(({ event }) => event ?? [])).toEqual(['notification', 'tailrace.live'])

    // Another user sees nothing, and cannot ask for it either.
    expect(await bob.textContent('#badge')).toBe('0')
    const refused = await bob.evaluate(async () => (await fetch('/users/ann/notifications')).status)
    expect(refused).toBe(403)

    await example.kill()
    for (const tab of [ann, other]) await state(tab).toBe('reconnecting')
    await notify(bob, 'ann', 'nobody is there')
    await expect.poll(() => bob.textContent('#problem')).toBe('Not sent: nobody is there')
    expect(await bob.inputValue('[name=text]')).toBe('nobody is there')
    await example.restart()
    await notify(bob, 'ann', 'while you were away')
    for (const tab of [ann, other]) {
      await badge(tab).toBe('2')
      await state(tab).toBe('live')
    }

    await ann.click('text=Sign out')
    await ann.waitForSelector('#sign-in')
    await state(other).toBe('signed out')
    expect(failures).toEqual([])
  },
)
