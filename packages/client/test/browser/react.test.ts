import { resolve } from 'node:path'
import { publish } from '@tailrace/client'
import { needs, startHub } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import type { Page, Request } from 'playwright-core'
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startScripted } from '../scripted-server.ts'
import { openBrowser } from './page.ts'
import type { TestBrowser } from './page.ts'
import { App } from './react-page.ts'
import type * as reactPage from './react-page.ts'
import type { PanelProps } from './react-page.ts'

type Globals = { tailrace: typeof reactPage }

const chromium = needs('chromium')

let browser: TestBrowser
let hub: HubProcess
let page: Page
/** The streams that were asked for, in order. */
let streams: Request[]

beforeAll(async () => {
  if (chromium) browser = await openBrowser(resolve(import.meta.dirname, 'react-page.ts'))
})

afterAll(async () => {
  await browser?.[Symbol.asyncDispose]()
})

const render = (...panels: PanelProps[]): Promise<void> =>
  page.evaluate((all) => (window as unknown as Globals).tailrace.render(...all), panels)

const list = (name: 'shown' | 'handed' | 'complaints'): Promise<string[]> =>
  page.evaluate((key) => (window as unknown as Globals).tailrace[key], name)

async function untilShown(id: string, text: string): Promise<void> {
  const isShown = ([where, what]: string[]): boolean => document.getElementById(where!)?.textContent === what
  await page.waitForFunction(isShown, [id, text])
}

const put = (data: string, topic = 't', end = false): Promise<unknown> =>
  publish(`${hub.url}/topics/${topic}`, { data, end })

/** Resolves once the connection of a stream is gone. */
async function untilClosed(stream: Request): Promise<void> {
  if (stream.failure() === null) await page.waitForEvent('requestfailed', (request) => request === stream)
}

describe.skipIf(!chromium)('useSubscription', () => {
  beforeEach(async () => {
    hub = await startHub()
    streams = []
    page = await browser.open(hub.url)
    page.on('request', (request) => {
      if (!request.url().includes('/test/')) streams.push(request)
    })
  })

  afterEach(async () => {
    await page.close()
    await hub[Symbol.asyncDispose]()
  })

  test('connects once in strict mode, and shows what comes', async () => {
    await render({ id: 'a', url: '/topics/t' })
    await untilShown('a', 'live')
    await put('1')
    await put('2')
    await untilShown('a', 'live 1 2')
    expect(streams).toHaveLength(1)
    expect(await list('handed')).toEqual(['a 1', 'a 2'])
  })

  test('shares one connection between components, and what it has brought', async () => {
    await render({ id: 'a', url: '/topics/t' }, { id: 'b', url: '/topics/t' })
    await untilShown('b', 'live')
    await put('1')
    await untilShown('a', 'live 1')
    await untilShown('b', 'live 1')
    await render({ id: 'a', url: '/topics/t' }, { id: 'b', url: '/topics/t' }, { id: 'c', url: '/topics/t' })
    await untilShown('c', 'live 1')
    await put('2')
    for (const id of ['a', 'b', 'c']) await untilShown(id, 'live 1 2')
    expect(streams).toHaveLength(1)
  })

  test('closes the connection when the last component is gone, and not before', async () => {
    await render({ id: 'a', url: '/topics/t' }, { id: 'b', url: '/topics/t' })
    await untilShown('a', 'live')
    await render({ id: 'b', url: '/topics/t' })
    await put('1')
    await untilShown('b', 'live 1')
    expect(streams[0]!.failure()).toBeNull()
    const closed = untilClosed(streams[0]!)
    await render()
    await closed
    await render({ id: 'a', url: '/topics/t' })
    await untilShown('a', 'live')
    expect(streams).toHaveLength(2)
  })

  test('goes on with the same connection when a component is mounted again at once', async () => {
    await render({ id: 'a', url: '/topics/t' })
    await untilShown('a', 'live')
    await put('1')
    await untilShown('a', 'live 1')
    await page.evaluate(() => {
      const { render: show } = (window as unknown as Globals).tailrace
      show()
      show({ id: 'a', url: '/topics/t' })
    })
    await put('2')
    await untilShown('a', 'live 1 2')
    expect(streams).toHaveLength(1)
  })

  test('begins with nothing at another URL, and never shows or hands on an event of the last one', async () => {
    await render({ id: 'a', url: '/topics/old' })
    await untilShown('a', 'live')
    await put('early', 'old')
    await untilShown('a', 'live early')
    await render({ id: 'a', url: '/topics/new' })
    // The old connection is still there to bring it.
    await put('late', 'old')
    await untilShown('a', 'live')
    await put('1', 'new')
    await untilShown('a', 'live 1')
    await untilClosed(streams[0]!)
    const shown = await list('shown')
    expect(shown.filter((text) => text.includes('late'))).toEqual([])
    expect(shown.filter((text) => text.startsWith('/topics/new') && text.includes('early'))).toEqual([])
    expect(await list('handed')).toEqual(['a early', 'a 1'])
  })

  test('does not connect without a URL', async () => {
    await render({ id: 'a', url: null })
    await untilShown('a', 'idle')
    await render({ id: 'a', url: '/topics/t' })
    await untilShown('a', 'live')
    expect(streams).toHaveLength(1)
    await render({ id: 'a', url: null })
    await untilShown('a', 'idle')
    await untilClosed(streams[0]!)
  })

  test('keeps the newest events, hands each of them on, and renders once for many', async () => {
    const events = Array.from({ length: 300 }, (_, i) => ({ data: String(i) }))
    await publish(`${hub.url}/topics/t`, events)
    const url = '/topics/t?from=start'
    await render({ id: 'a', url, keep: 3 }, { id: 'b', url, keep: 1 }, { id: 'c', url })
    await untilShown('a', 'live 297 298 299')
    await untilShown('b', 'live 299')
    await untilShown('c', ['live', ...events.slice(-100).map(({ data }) => data)].join(' '))
    const handed = await list('handed')
    expect(handed.filter((text) => text.startsWith('a'))).toEqual(events.map(({ data }) => `a ${data}`))
    expect((await list('shown')).length).toBeLessThan(events.length)
    await render({ id: 'a', url, keep: 2 })
    await untilShown('a', 'live 298 299')
    expect(streams).toHaveLength(1)
  })

  test('calls the functions that were rendered last', async () => {
    await render({ id: 'a', url: '/topics/t', label: 'first' })
    await untilShown('a', 'live')
    await put('1')
    await untilShown('a', 'live 1')
    await render({ id: 'a', url: '/topics/t', label: 'second' })
    await put('2')
    await untilShown('a', 'live 1 2')
    expect(await list('handed')).toEqual(['first 1', 'second 2'])
    const { port } = hub
    await hub.kill('SIGKILL')
    await untilShown('a', 'reconnecting 1 2')
    hub = await startHub({ port })
    // Another log: what was published in the meantime, if anything, is not in it.
    await untilShown('a', 'live 1 2 gap')
    expect(streams.at(0)!.headers()['x-label']).toBe('first')
    expect(streams.at(-1)!.headers()['x-label']).toBe('second')
  })

  test('does not share between components that decode in another way, nor connect again for each function', async () => {
    await render({ id: 'a', url: '/topics/t', decodes: true }, { id: 'b', url: '/topics/t', decodes: true })
    await untilShown('a', 'live')
    await untilShown('b', 'live')
    await put('1')
    await untilShown('a', 'live a 1')
    await untilShown('b', 'live b 1')
    await put('2')
    await untilShown('a', 'live a 1 a 2')
    expect(streams).toHaveLength(2)
  })

  test('says that the topic has ended', async () => {
    await render({ id: 'a', url: '/topics/t' })
    await untilShown('a', 'live')
    await put('last', 't', true)
    await untilShown('a', 'ended last')
    expect(streams).toHaveLength(1)
  })

  test('says why it has failed, and tries again as another component', async () => {
    await render({ id: 'a', url: '/nowhere', generation: 1 })
    await page.waitForFunction(() => document.body.textContent.startsWith('failed '))
    expect(streams).toHaveLength(1)
    const count = (await list('shown')).length
    await render({ id: 'a', url: '/nowhere', generation: 2 })
    await page.waitForFunction((before) => {
      const { shown } = (window as unknown as Globals).tailrace
      const connecting = shown.indexOf('/nowhere connecting', before)
      return connecting !== -1 && shown.slice(connecting).some((text) => text.startsWith('/nowhere failed '))
    }, count)
    expect(streams).toHaveLength(2)
  })

  test('takes over what a server has rendered', async () => {
    const panels = [
      { id: 'a', url: '/topics/t' },
      { id: 'b', url: null },
    ]
    const html = renderToString(createElement(App, { panels }))
    expect(html).toContain('connecting')
    expect(html).toContain('idle')
    await page.evaluate(([given, all]) => (window as unknown as Globals).tailrace.hydrate(given, ...all), [
      html,
      panels,
    ] as const)
    await untilShown('a', 'live')
    expect(await list('complaints')).toEqual([])
    expect(streams).toHaveLength(1)
  })
})

test('useSubscription asks for nothing while a server renders', async () => {
  await using server = await startScripted((response) => response.end())
  const panels = [{ id: 'a', url: `${server.url}topics/t` }]
  expect(renderToString(createElement(App, { panels }))).toContain('connecting')
  await fetch(`${server.url}afterwards`)
  expect(server.requests.map(({ path }) => path)).toEqual(['/afterwards'])
})
