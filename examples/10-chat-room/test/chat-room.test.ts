import { launchChromium, needs, startExample } from '@tailrace/testkit'
import type { Example } from '@tailrace/testkit'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const chromium = needs('chromium')

let browser: Browser
let room: Example
const failures: string[] = []

/** The page of a member, who has a browser of their own. */
async function enter(name: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage()
  page.on('pageerror', (error) => failures.push(error.message))
  await page.goto(room.url)
  await page.getByLabel('Your name').fill(name)
  await page.getByRole('button', { name: 'Join' }).click()
  await expect.poll(() => page.textContent('#state')).toBe('live')
  return page
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text)
  await page.getByRole('button', { name: 'Send' }).click()
}

const members = (page: Page): Promise<string[]> => page.locator('#members span:last-child').allTextContents()
const texts = (page: Page): Promise<string[]> => page.locator('#talk .text').allTextContents()
const notes = (page: Page): Promise<string[]> => page.locator('#talk .note').allTextContents()

describe.skipIf(!chromium)('the chat room', () => {
  beforeAll(async () => {
    const main = new URL('../start.ts', import.meta.url)
    ;[room, browser] = await Promise.all([startExample(main, { BEAT_MS: '800' }), launchChromium()])
  })

  afterAll(async () => {
    await browser?.close()
    await room?.[Symbol.asyncDispose]()
  })

  test('members see each other join, talk and leave', async () => {
    const ann = await enter('Ann')
    const ben = await enter('Ben')
    for (const page of [ann, ben]) await expect.poll(() => members(page)).toEqual(['Ann', 'Ben'])
    expect(await notes(ann)).toEqual(['Ben joined'])
    // He was not there when she joined.
    expect(await notes(ben)).toEqual([])

    const said = ['hello', '<b onclick="alert(1)">not HTML</b>']
    await say(ann, said[0]!)
    await expect.poll(() => texts(ben)).toEqual(said.slice(0, 1))
    await say(ben, said[1]!)
    for (const page of [ann, ben]) await expect.poll(() => texts(page)).toEqual(said)
    expect(await ann.locator('#talk b').allTextContents()).toEqual(['Ann', 'Ben'])

    // He is here as long as one of his tabs is.
    const tab = await ben.context().newPage()
    await tab.goto(room.url)
    await expect.poll(() => texts(tab)).toEqual(said)
    await ben.close()
    await tab.getByRole('button', { name: 'Leave' }).click()
    await tab.getByLabel('Your name').waitFor()
    await expect.poll(() => members(ann)).toEqual(['Ann'])
    // Others close the browser without a word.
    const cem = await enter('Cem')
    await expect.poll(() => members(ann)).toEqual(['Ann', 'Cem'])
    await cem.context().close()
    await expect.poll(() => members(ann)).toEqual(['Ann'])
    expect(await notes(ann)).toEqual(['Ben joined', 'Ben left', 'Cem joined', 'Cem left'])
    await ann.getByRole('button', { name: 'Leave' }).click()
    await ann.context().close()
    await tab.context().close()
  })

  test('a room survives its server: nobody rejoins, no message is missing or repeated', async () => {
    const dora = await enter('Dora')
    const emil = await enter('Emil')
    const said = await texts(dora)
    for (const text of ['one', 'two', 'three']) {
      await say(dora, text)
      said.push(text)
      await expect.poll(() => texts(emil)).toEqual(said)
    }
    await room.kill()
    await expect.poll(() => dora.textContent('#state')).toBe('reconnecting')
    // While nobody can say so, one of them goes.
    await emil.context().close()
    await say(dora, 'four')
    await expect.poll(() => dora.getByLabel('Message', { exact: true }).inputValue()).toBe('four')
    await room.restart()
    await expect.poll(() => dora.textContent('#state')).toBe('live')
    await dora.getByRole('button', { name: 'Send' }).click()
    said.push('four')
    await expect.poll(() => texts(dora)).toEqual(said)
    // The key that nobody sets again is removed.
    await expect.poll(() => members(dora)).toEqual(['Dora'])
    expect(await notes(dora)).toEqual(['Emil joined', 'Emil left'])
    const gus = await enter('Gus')
    expect(await texts(gus)).toEqual(said)
    expect(await members(gus)).toEqual(['Dora', 'Gus'])
    await dora.context().close()
    await gus.context().close()
  })

  test('whoever comes later gets the last 50 messages, and those that follow', async () => {
    const [cookie] = (await fetch(`${room.url}/join`, { method: 'POST', body: 'Hal' })).headers.getSetCookie()
    const post = (body: string): Promise<Response> =>
      fetch(`${room.url}/messages`, { method: 'POST', body, headers: { Cookie: cookie! } })
    const many = Array.from({ length: 60 }, (_, i) => `message ${i}`)
    for (const text of many) expect((await post(text)).status).toBe(204)
    const ida = await enter('Ida')
    expect(await texts(ida)).toEqual(many.slice(-50))
    await post('and one more')
    await expect.poll(() => texts(ida)).toEqual([...many.slice(-50), 'and one more'])

    expect((await post('x'.repeat(10_000))).status).toBe(413)
    expect((await post('  ')).status).toBe(400)
    for (const path of ['room', 'me']) expect((await fetch(`${room.url}/${path}`)).status).toBe(401)
    expect((await fetch(`${room.url}/join`, { method: 'POST', body: 'x'.repeat(31) })).status).toBe(400)
    expect(failures).toEqual([])
  })
})
