import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { RequestHead, Route } from '@tailrace/http'
import Negotiator from 'negotiator'

/**
 * `GET /` for browsers: a page that follows a topic, publishes, and explains itself. It sends requests only to the hub
 * that serves it, and cannot be framed.
 */
export function welcomeRoute(): Route {
  const page = readFileSync(new URL('../assets/welcome.html', import.meta.url))
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
  const headers = {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': policy.join('; '),
    'Cache-Control': 'no-cache',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
  }
  return {
    method: 'GET',
    path: '/',
    access: 'anyone',
    holds: wantsPage,
    // Requires no token, because the token is entered on the page. The requests of the page are checked like all
    // others.
    async handle({ gate, exchange }) {
      const header = (name: string): string | undefined =>
        name === 'host' ? exchange.header(name) : undefined
      await gate.identify({ method: 'GET', header, ticket: undefined }, exchange.remoteAddress)
      exchange.appendHeader('Vary', 'Accept')
      exchange.answer(200, headers, page)
    },
  }
}

/** Whether a browser asks for a page. Programs accept anything, and are better served with a problem. */
function wantsPage(head: RequestHead): boolean {
  const accept = head.header('accept')
  return new Negotiator({ headers: accept === undefined ? {} : { accept } })
    .mediaTypes()
    .includes('text/html')
}

/** The one element of this name, as Content Security Policy Level 3 (section 8.4) identifies it. */
function hashOf(html: string, element: 'script' | 'style'): string {
  const start = html.indexOf(`<${element}>`) + element.length + 2
  const text = html.slice(start, html.indexOf(`</${element}>`, start))
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
