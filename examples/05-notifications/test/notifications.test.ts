import { launchChromium, needs, openStream, startExample, tempDir } from '@tailrace/testkit'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'

const chromium = needs('chromium')
const main = new URL('../start.ts', import.meta.url)

let browser: Browser
beforeAll(async () => {
  if (chromium) browser = await launchChromium()
})
afterAll(() => browser?.close())

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

test.skipIf(!chromium)(
  'each user sees their own unread notifications, the same in all tabs, also after the server was killed',
  async () => {
    using dir = tempDir()
    await using example = await startExample(main, { LOG: `sqlite:${dir.path}/log.db` })
    const failures: string[] = []
    await using anns = await browser.newContext()
    await using bobs = await browser.newContext()
    for (const context of [anns, bobs])
      context.on('weberror', (error) => failures.push(String(error.error())))
    const ann = await signIn(anns, example.url, 'ann')
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

    await ann.locator('li', { hasText: 'one' }).getByRole('button').click()
    for (const tab of [ann, other]) await badge(tab).toBe('1')
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
