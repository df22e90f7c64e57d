import { useSubscription } from '@tailrace/client/react'
import { createElement, StrictMode, useLayoutEffect } from 'react'
import type { ReactNode } from 'react'
import { flushSync } from 'react-dom'
import { createRoot, hydrateRoot } from 'react-dom/client'
import type { Root } from 'react-dom/client'

export interface PanelProps {
  readonly id: string
  readonly url: string | null
  /** What its callbacks say they are. */
  readonly label?: string
  readonly keep?: number
  /** It has a `decode` of its own. */
  readonly decodes?: boolean
  /** Another one is another component. */
  readonly generation?: number
}

/** Each state that was on the screen: the URL at that time, and the text. */
export const shown: string[] = []
/** What `onEvent` was called with. */
export const handed: string[] = []
/** What React has complained about. */
export const complaints: string[] = []

/** Shows what has come. Its callbacks are written in place, as in most components. */
function Panel({ id, url, label = id, keep, decodes = false }: PanelProps): ReactNode {
  const { status, events, last, error, gap } = useSubscription(url, {
    initialDelayMs: 10,
    maxDelayMs: 50,
    keep,
    headers: () => ({ 'x-label': label }),
    decode: decodes ? (_type, text) => `${id} ${text}` : undefined,
    onEvent: ({ data }) => handed.push(`${label} ${data}`),
  })
  const parts = [status, ...events.map(({ data }) => data)]
  if (last?.data !== events.at(-1)?.data) parts.push('and another last one')
  if (gap !== undefined) parts.push('gap')
  if (status === 'failed') parts.push(error!.message)
  const text = parts.join(' ')
  useLayoutEffect(() => void shown.push(`${url} ${text}`), [url, text])
  return createElement('output', { id }, text)
}

/** The page: in strict mode, which mounts everything twice. */
export function App({ panels }: { panels: readonly PanelProps[] }): ReactNode {
  const all = panels.map((props) =>
    createElement(Panel, { key: `${props.id} ${props.generation}`, ...props }),
  )
  return createElement(StrictMode, null, all)
}

let root: Root | undefined

export function render(...panels: PanelProps[]): void {
  root ??= createRoot(document.body)
  flushSync(() => root!.render(createElement(App, { panels })))
}

/** Takes over what a server has rendered. */
export function hydrate(html: string, ...panels: PanelProps[]): void {
  document.body.innerHTML = html
  root = hydrateRoot(document.body, createElement(App, { panels }), {
    onRecoverableError: (error) => void complaints.push(String(error)),
  })
}
