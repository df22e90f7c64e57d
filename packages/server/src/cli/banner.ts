import { styleText } from 'node:util'

/** What a hub says when it is ready: where it is, what it keeps, and the two commands to try. */
export function banner(hub: {
  scheme: 'http' | 'https'
  host: string
  port: number
  log: string
  retain: readonly string[]
  /** Who needs a token, as a sentence. */
  access: string
}): string {
  const host = hub.host.includes(':') ? `[${hub.host}]` : hub.host
  const url = `${hub.scheme}://${host}:${hub.port}`
  const reach = hub.host === '0.0.0.0' || hub.host === '::' ? `${hub.scheme}://localhost:${hub.port}` : url
  return `
  ${paint('bold', 'Tailrace')} ${paint('cyan', url)}
  ${paint('dim', `log ${hub.log}, keeps ${hub.retain.join(' ')}. ${hub.access}`)}

  Read, in one terminal:      curl -N ${reach}/topics/hello
  Publish, in another one:    curl -d hi ${reach}/topics/hello

`
}

function paint(format: 'bold' | 'cyan' | 'dim', text: string): string {
  return styleText(format, text, { stream: process.stdout })
}
