import { spawnSync } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { publish } from '@tailrace/client'
import type { SubscribeOptions } from '@tailrace/client'
import { startHub, tempDir } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createSSRApp, effectScope, h, ref, watch } from 'vue'
import type { EffectScope, Ref } from 'vue'
import { renderToString } from 'vue/server-renderer'
import { startScripted, stream } from './scripted-server.ts'

// What the guides tell readers to copy, as they say it.

const ROOT = resolve(import.meta.dirname, '../../..')

interface Shown {
  readonly status: string
  readonly events: readonly { readonly data: string }[]
  readonly error?: unknown
}

interface VueGuide {
  useSubscription(
    url: () => string | undefined,
    options?: SubscribeOptions,
    keep?: number,
  ): { status: Ref<string>; events: Ref<Shown['events']>; error: Ref<unknown> }
}

interface SvelteGuide {
  subscription(
    url: string,
    options?: SubscribeOptions,
    keep?: number,
  ): { subscribe(run: (state: Shown) => void): () => void }
}

const dir = tempDir()
let hub: HubProcess
let vue: VueGuide
let svelte: SvelteGuide

/** The blocks of a guide in a language. */
function blocksOf(page: string, language: string): string[] {
  const markdown = readFileSync(join(ROOT, 'docs/client', page), 'utf8')
  return Array.from(markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm))
    .filter(([, given]) => given === language)
    .map(([, , code]) => code!)
}

/** Puts a block where it finds its packages. */
function save(name: string, code: string | undefined): string {
  const path = join(dir.path, name)
  writeFileSync(path, code!)
  return path
}

beforeAll(async () => {
  hub = await startHub()
  symlinkSync(join(ROOT, 'node_modules'), join(dir.path, 'node_modules'))
  writeFileSync(join(dir.path, 'package.json'), '{ "type": "module" }')
  const files = [
    save('use-subscription.ts', blocksOf('vue.md', 'ts')[0]),
    save('subscription.ts', blocksOf('svelte.md', 'ts')[0]),
  ]
  ;[vue, svelte] = (await Promise.all(files.map((file) => import(file)))) as [VueGuide, SvelteGuide]
})

afterAll(async () => {
  await hub?.[Symbol.asyncDispose]()
  dir[Symbol.dispose]()
})

test('the blocks of the guides have the types that they should have', () => {
  const components = blocksOf('react.md', 'tsx')
  expect(components).toHaveLength(3)
  for (const [i, code] of components.entries()) save(`react-${i}.tsx`, code)
  const compilerOptions = {
    noEmit: true,
    composite: false,
    declaration: false,
    declarationMap: false,
    isolatedDeclarations: false,
    rewriteRelativeImportExtensions: false,
    allowImportingTsExtensions: true,
    jsx: 'react-jsx',
  }
  const config = { extends: join(ROOT, 'tsconfig.base.json'), compilerOptions, include: ['*.ts', '*.tsx'] }
  writeFileSync(join(dir.path, 'tsconfig.json'), JSON.stringify(config))
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const { status, stdout } = spawnSync(process.execPath, [tsc, '--project', dir.path], { encoding: 'utf8' })
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
})

const put = (topic: string, data: string, end = false): Promise<unknown> =>
  publish(`${hub.url}/topics/${topic}`, { data, end })

const textOf = ({ status, events }: Shown): string => [status, ...events.map(({ data }) => data)].join(' ')

/** What was shown, as texts. */
interface Screen {
  readonly texts: string[]
  show(state: Shown): void
  /** Resolves once a text is there. */
  until(text: string): Promise<void>
}

function createScreen(): Screen {
  const texts: string[] = []
  const watchers = new Set<() => void>()
  return {
    texts,
    show(state) {
      texts.push(textOf(state))
      for (const look of watchers) look()
    },
    until: (text) =>
      new Promise((resolve_) => {
        const look = (): void => {
          if (texts.at(-1) === text) resolve_()
        }
        watchers.add(look)
        look()
      }),
  }
}

describe('the composable of the Vue guide', () => {
  let screen: Screen

  /** Runs it as a component would. */
  function mount(url: () => string | undefined, keep?: number): EffectScope {
    screen = createScreen()
    const scope = effectScope()
    scope.run(() => {
      const { status, events } = vue.useSubscription(url, { initialDelayMs: 5, maxDelayMs: 20 }, keep)
      const { show } = screen
      watch([status, events], ([now, all]) => show({ status: now, events: all }), {
        immediate: true,
        flush: 'sync',
      })
    })
    return scope
  }

  test('shows the newest events, and the end', async () => {
    const scope = mount(() => `${hub.url}/topics/vue/a`, 2)
    await screen.until('live')
    for (const data of ['1', '2', '3']) await put('vue/a', data)
    await screen.until('live 2 3')
    await put('vue/a', '4', true)
    await screen.until('end 3 4')
    expect(screen.texts).not.toContain('live 1 2 3')
    scope.stop()
  })

  test('goes to another URL, and shows nothing of the last one there', async () => {
    const topic = ref<string | undefined>('vue/old')
    const scope = mount(() => topic.value && `${hub.url}/topics/${topic.value}`)
    await screen.until('live')
    await put('vue/old', 'early')
    await screen.until('live early')
    const count = screen.texts.length
    topic.value = 'vue/new'
    await put('vue/old', 'late')
    await screen.until('live')
    await put('vue/new', '1')
    await screen.until('live 1')
    expect(screen.texts.slice(count).filter((text) => /late/.test(text))).toEqual([])
    topic.value = undefined
    await screen.until('idle')
    scope.stop()
  })

  test('closes the connection with its scope', async () => {
    const closed = Promise.withResolvers<void>()
    await using server = await startScripted((response) => {
      response.on('close', closed.resolve)
      stream(response, 'event: tailrace.live\ndata: {}\n\n')
    })
    const scope = mount(() => server.url)
    await screen.until('live')
    scope.stop()
    await closed.promise
    expect(server.requests).toHaveLength(1)
  })

  test('asks for nothing while a server renders', async () => {
    await using server = await startScripted((response) => response.end())
    const app = createSSRApp({
      setup() {
        const { status } = vue.useSubscription(() => server.url)
        return () => h('p', status.value)
      },
    })
    expect(await renderToString(app)).toBe('<p>idle</p>')
    await fetch(`${server.url}afterwards`)
    expect(server.requests.map(({ path }) => path)).toEqual(['/afterwards'])
  })
})

describe('the store of the Svelte guide', () => {
  const options = { initialDelayMs: 5, maxDelayMs: 20 }

  test('shows the newest events, and the end', async () => {
    const screen = createScreen()
    const stop = svelte.subscription(`${hub.url}/topics/svelte/a`, options, 2).subscribe(screen.show)
    expect(screen.texts).toEqual(['connecting'])
    await screen.until('live')
    for (const data of ['1', '2', '3']) await put('svelte/a', data)
    await screen.until('live 2 3')
    await put('svelte/a', '4', true)
    await screen.until('end 3 4')
    stop()
  })

  test('connects once for all who read it, closes after the last of them, and connects again', async () => {
    const closed = Promise.withResolvers<void>()
    await using server = await startScripted((response) => {
      response.on('close', closed.resolve)
      stream(response, 'event: tailrace.live\ndata: {}\n\nid: 1\ndata: 1\n\n')
    })
    const [first, second, third] = [createScreen(), createScreen(), createScreen()]
    const store = svelte.subscription(server.url, options)
    const stopFirst = store.subscribe(first.show)
    await first.until('live 1')
    const stopSecond = store.subscribe(second.show)
    expect(second.texts).toEqual(['live 1'])
    stopFirst()
    stopSecond()
    await closed.promise
    expect(server.requests).toHaveLength(1)
    const stopThird = store.subscribe(third.show)
    await third.until('live 1')
    stopThird()
    expect(third.texts[0]).toBe('connecting')
    expect(server.requests).toHaveLength(2)
  })

  test('says why it has failed', async () => {
    const failed = Promise.withResolvers<Shown>()
    const store = svelte.subscription(`${hub.url}/nowhere`, options)
    const stop = store.subscribe((state) => state.status === 'failed' && failed.resolve(state))
    expect((await failed.promise).error).toMatchObject({ code: 'status' })
    stop()
  })

  test('asks for nothing while a server renders, which reads it and stops', async () => {
    await using server = await startScripted((response) => response.end())
    const screen = createScreen()
    svelte.subscription(server.url).subscribe(screen.show)()
    svelte.subscription('/relative').subscribe(screen.show)()
    expect(screen.texts).toEqual(['connecting', 'connecting'])
    await fetch(`${server.url}afterwards`)
    expect(server.requests.map(({ path }) => path)).toEqual(['/afterwards'])
  })
})
