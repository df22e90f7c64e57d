import { TAILRACE_ROUTES } from '@tailrace/http'
import { mayBePlain, readHead } from '../src/node/head.ts'
import type { PlainHead } from '../src/node/head.ts'
import { RouteTable } from '../src/route-table.ts'

const END = '\r\n\r\n'
const table = new RouteTable(TAILRACE_ROUTES)

/** What the front makes of the bytes that have arrived: streams and publishes on the routes of Tailrace. */
export function readPlain(bytes: Buffer): PlainHead | 'incomplete' | 'other' {
  if (!mayBePlain(bytes)) return 'other'
  const at = bytes.indexOf(END)
  if (at === -1) return 'incomplete'
  return readHead(bytes, at + END.length, (method, path) => {
    const route = table.find(path)?.methods.get(method)
    return method === 'POST' ? route !== undefined : route?.stream !== undefined
  })
}
