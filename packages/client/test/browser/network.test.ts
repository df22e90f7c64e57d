import { publish } from '@tailrace/client'
import { needs, startHub } from '@tailrace/testkit'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBufferingProxy } from '../buffering-proxy.ts'
import { openBrowser } from './page.ts'
import type { PageGlobals, TestBrowser } from './page.ts'

const chromium = needs('chromium')

let browser: TestBrowser

beforeAll(async () => {
  if (chromium) browser = await openBrowser()
})

afterAll(async () => {
  await browser?.[Symbol.asyncDispose]()
})

async function subscribeIn(page: Page): Promise<void> {
  await page.evaluate(() => {
    const globals = window as unknown as PageGlobals
    const options = { initialDelayMs: 10, maxDelayMs: 50, openTimeoutMs: 300 }
    globals.subscription = globals.tailrace.subscribe('/topics/t', options)
    globals.subscription.onStatus((status) =>
      globals.statuses.push(status.kind === 'reconnecting' ? status.error.code : status.kind),
    )
    globals.subscription.on('message', ({ data }) => globals.received.push(data))
  })
}

const globalsOf = (page: Page): Promise<Pick<PageGlobals, 'received' | 'statuses'>> =>
  page.evaluate(() => {
    const { received, statuses } = window as unknown as PageGlobals
    return { received, statuses }
  })

describe.skipIf(!chromium)('in Chromium', () => {
  test('a proxy that holds streams up is polled through', async () => {
    await using hub = await startHub()
    await using proxy = await startBufferingProxy(hub.url)
    const page = await browser.open(proxy.url)
    await subscribeIn(page)
    await page.waitForFunction(`window.statuses.includes('live')`)
    for (const data of ['1', '2', '3']) await publish(`${hub.url}/topics/t`, { data })
    await page.waitForFunction('window.received.length >= 3')
    const { received, statuses } = await globalsOf(page)
    expect(received).toEqual(['1', '2', '3'])
    expect(statuses).toEqual(['open-timeout', 'open-timeout', 'live'])
    await page.close()
  })

  test('a hub that falls silent is left, and gone on with when it is back', async () => {
    await using hub = await startHub({ args: ['--heartbeat', '1s'] })
    const page = await browser.open(hub.url)
    await subscribeIn(page)
    await page.waitForFunction(`window.statuses.includes('live')`)
    await publish(`${hub.url}/topics/t`, { data: 'before' })
    process.kill(hub.pid, 'SIGSTOP')
    await page.waitForFunction(`window.statuses.includes('silent')`)
    process.kill(hub.pid, 'SIGCONT')
    await publish(`${hub.url}/topics/t`, { data: 'after' })
    await page.waitForFunction('window.received.length >= 2')
    expect((await globalsOf(page)).received).toEqual(['before', 'after'])
    await page.close()
  })
})
