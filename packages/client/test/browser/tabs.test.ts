import { publish } from '@tailrace/client'
import { needs, startHub } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import type { Page, Request } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openBrowser } from './page.ts'
import type { PageGlobals, TestBrowser } from './page.ts'

const chromium = needs('chromium')

let browser: TestBrowser
let hub: HubProcess
let pages: Page[]
/** The pages that asked the hub for a stream, in order. */
let connected: Page[]

beforeAll(async () => {
  if (chromium) browser = await openBrowser()
})

afterAll(async () => {
  await browser?.[Symbol.asyncDispose]()
})

beforeEach(async () => {
  hub = await startHub()
  pages = []
  connected = []
  browser?.context.on('request', note)
})

afterEach(async () => {
  browser?.context.off('request', note)
  await Promise.all(pages.map((page) => page.close()))
  await hub[Symbol.asyncDispose]()
})

function note(request: Request): void {
  if (request.url().includes('/topics/')) connected.push(request.frame().page())
}

/** Opens a tab that subscribes. */
async function openTab(query = '', script?: () => void): Promise<Page> {
  const page = await browser.open(hub.url, script)
  pages.push(page)
  await page.evaluate((url) => {
    const globals = window as unknown as PageGlobals
    const subscription = globals.tailrace.subscribe(url, {
      share: globals.tailrace.tabs,
      initialDelayMs: 10,
      maxDelayMs: 50,
    })
    globals.subscription = subscription
    subscription.onStatus(({ kind }) => globals.statuses.push(kind))
    subscription.on('message', ({ data }) => globals.received.push(data))
  }, `/topics/t${query}`)
  return page
}

async function openLiveTab(query?: string, script?: () => void): Promise<Page> {
  const page = await openTab(query, script)
  await page.waitForFunction(`window.statuses.includes('live')`)
  return page
}

const received = (page: Page): Promise<string[]> =>
  page.evaluate(() => (window as unknown as PageGlobals).received)

async function publishAll(from: number, to: number): Promise<string[]> {
  const all = Array.from({ length: to - from }, (_, i) => String(from + i))
  for (const data of all) await publish(`${hub.url}/topics/t`, { data })
  return all
}

async function untilReceived(page: Page, last: string): Promise<string[]> {
  await page.waitForFunction((data) => (window as unknown as PageGlobals).received.includes(data), last)
  return received(page)
}

describe.skipIf(!chromium)('tabs that share', () => {
  test('have one connection, and each has every event', async () => {
    // Two more than the connections that a browser makes to one origin over HTTP/1.1.
    for (let i = 0; i < 8; i += 1) await openLiveTab()
    const all = await publishAll(0, 50)
    for (const page of pages) expect(await untilReceived(page, '49')).toEqual(all)
    expect(connected).toHaveLength(1)
  })

  test('go on without gap or duplicate when the one that connects is closed', async () => {
    for (let i = 0; i < 3; i += 1) await openLiveTab()
    const publishing = publishAll(0, 300)
    await untilReceived(pages[1]!, '20')
    await pages.shift()!.close()
    const all = await publishing
    for (const page of pages) expect(await untilReceived(page, '299')).toEqual(all)
  })

  test('go on without gap or duplicate when the process of the one that connects dies', async () => {
    for (let i = 0; i < 3; i += 1) await openLiveTab()
    const publishing = publishAll(0, 300)
    await untilReceived(pages[1]!, '20')
    const session = await browser.context.newCDPSession(pages[0]!)
    // Never answered: there is nobody left to answer.
    session.send('Page.crash').catch(() => {})
    const all = await publishing
    for (const page of pages.slice(1)) expect(await untilReceived(page, '299')).toEqual(all)
  })

  test('go on when the one that connects is frozen, and it has everything once it thaws', async () => {
    for (let i = 0; i < 3; i += 1) await openLiveTab()
    await publishAll(0, 10)
    for (const page of pages) await untilReceived(page, '9')
    const session = await browser.context.newCDPSession(pages[0]!)
    await session.send('Debugger.enable')
    await session.send('Debugger.pause')
    void pages[0]!.evaluate(() => 0).catch(() => {})
    await publishAll(10, 20)
    const all = Array.from({ length: 20 }, (_, i) => String(i))
    for (const page of pages.slice(1)) expect(await untilReceived(page, '19')).toEqual(all)
    await session.send('Debugger.disable')
    expect(await untilReceived(pages[0]!, '19')).toEqual(all)
    all.push(...(await publishAll(20, 30)))
    for (const page of pages) expect(await untilReceived(page, '29')).toEqual(all)
  })

  test('one that comes later and wants history catches up by itself, and then joins', async () => {
    const history = await publishAll(0, 20)
    await openLiveTab()
    const late = await openLiveTab('?from=start')
    const later = await openLiveTab('?from=start')
    expect(await untilReceived(late, '19')).toEqual(history)
    expect(await untilReceived(later, '19')).toEqual(history)
    const all = [...history, ...(await publishAll(20, 40))]
    expect(await untilReceived(late, '39')).toEqual(all)
    expect(await untilReceived(later, '39')).toEqual(all)
  })

  test('learn from the one that connects that the hub is gone, and that it is back', async () => {
    const { port } = hub
    for (let i = 0; i < 2; i += 1) await openLiveTab()
    await hub.kill('SIGKILL')
    for (const page of pages) await page.waitForFunction(`window.statuses.includes('reconnecting')`)
    hub = await startHub({ port })
    for (const page of pages) await page.waitForFunction(`window.statuses.at(-1) === 'live'`)
    await publishAll(0, 1)
    for (const page of pages) expect(await untilReceived(page, '0')).toEqual(['0'])
    expect(new Set(connected).size).toBe(1)
  })

  test('leave one that takes no more, and it has everything once it takes again', async () => {
    const stuck = await browser.open(hub.url)
    pages.push(stuck)
    await stuck.evaluate(() => {
      const globals = window as unknown as PageGlobals & { go: () => void }
      const isLetGo = new Promise<void>((resolve) => (globals.go = resolve))
      const read = async (): Promise<void> => {
        const options = {
          share: globals.tailrace.tabs,
          maxQueuedEvents: 5,
          initialDelayMs: 10,
          maxDelayMs: 50,
        }
        for await (const item of globals.tailrace.subscribe('/topics/t', options)) {
          globals.statuses.push(item.kind)
          if (item.kind !== 'event') continue
          await isLetGo
          globals.received.push(item.data)
        }
      }
      void read()
    })
    await stuck.waitForFunction(`window.statuses.includes('live')`)
    const other = await openLiveTab()
    const all = await publishAll(0, 60)
    expect(await untilReceived(other, '59')).toEqual(all)
    await stuck.evaluate('window.go()')
    expect(await untilReceived(stuck, '59')).toEqual(all)
    all.push(...(await publishAll(60, 70)))
    for (const page of pages) expect(await untilReceived(page, '69')).toEqual(all)
  })

  test('connect each for itself where the browser has no locks', async () => {
    const removeLocks = (): void =>
      void Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })
    for (let i = 0; i < 2; i += 1) await openLiveTab('', removeLocks)
    const all = await publishAll(0, 5)
    for (const page of pages) expect(await untilReceived(page, '4')).toEqual(all)
    expect(new Set(connected).size).toBe(2)
  })

  test('end together', async () => {
    for (let i = 0; i < 3; i += 1) await openLiveTab()
    await publish(`${hub.url}/topics/t`, { data: 'last', end: true })
    for (const page of pages) {
      await page.evaluate(() => (window as unknown as PageGlobals).subscription.closed)
      expect(await received(page)).toEqual(['last'])
    }
  })
})
