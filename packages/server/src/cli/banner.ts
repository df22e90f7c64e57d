import { styleText } from 'node:util'
import type { Openness } from './serve-gate.ts'

/** Printed when a hub is ready: its address, its log and retention, and how to try it. */
export function banner(hub: {
  scheme: 'http' | 'https'
  host: string
  port: number
  log: string
  retain: readonly string[]
  openness: Openness
}): string {
  const host = hub.host.includes(':') ? `[${hub.host}]` : hub.host
  const url = `${hub.scheme}://${host}:${hub.port}`
  const reach = hub.host === '0.0.0.0' || hub.host === '::' ? `${hub.scheme}://localhost:${hub.port}` : url
  return `
  ${paint('bold', 'Tailrace')} ${paint('cyan', url)}
  ${paint('dim', `Log ${hub.log}, retention ${hub.retain.join(' ')}. ${hub.openness.sentence}`)}

  Try it in a browser:        ${reach}/
  Subscribe in one terminal:  curl -N${tokenUnless(hub.openness.read)} ${reach}/topics/hello
  Publish in another:         curl -d hi${tokenUnless(hub.openness.write)} ${reach}/topics/hello

`
}

function tokenUnless(isOpen: boolean): string {
  return isOpen ? '' : ' -H "Authorization: Bearer $TAILRACE_TOKEN"'
}

function paint(format: 'bold' | 'cyan' | 'dim', text: string): string {
  return styleText(format, text, { stream: process.stdout })
}
