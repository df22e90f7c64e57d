import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import Negotiator from 'negotiator'

/** What `GET /` shows to people: a page that follows a topic, publishes, and explains itself. */
export interface Welcome {
  readonly page: Buffer
  readonly headers: Readonly<Record<string, string>>
}

/** Reads the page, a file of this package. It asks nobody but the hub that serves it, and nobody can frame it. */
export function loadWelcome(): Welcome {
  const page = readFileSync(new URL('../../assets/welcome.html', import.meta.url))
  const html = page.toString('utf8')
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(html, 'script')}'`,
    `style-src '${hashOf(html, 'style')}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ]
  return {
    page,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Length': String(page.length),
      'Content-Security-Policy': policy.join('; '),
      'Cache-Control': 'no-cache',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Referrer-Policy': 'no-referrer',
    },
  }
}

/** Whether a browser asks for a page. Programs, which take anything, are better served with a problem. */
export function wantsPage({ headers }: IncomingMessage): boolean {
  return new Negotiator({ headers }).mediaTypes().includes('text/html')
}

export function sendWelcome({ page, headers }: Welcome, response: ServerResponse): void {
  response.appendHeader('Vary', 'Accept')
  response.writeHead(200, headers)
  response.end(response.req.method === 'HEAD' ? undefined : page)
}

/** The one element of this name, as Content Security Policy Level 3 (section 8.4) identifies it. */
function hashOf(html: string, element: 'script' | 'style'): string {
  const start = html.indexOf(`<${element}>`) + element.length + 2
  const text = html.slice(start, html.indexOf(`</${element}>`, start))
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
