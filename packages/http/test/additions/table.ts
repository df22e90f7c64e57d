import { TAILRACE_ROUTES } from '@tailrace/http'
import type { Route } from '@tailrace/http'
import { count } from './count/route.ts'
import { lines } from './lines/stream.ts'

/** The protocol of the hub, an endpoint, and a second protocol. */
export const ROUTES: readonly Route[] = [
  ...TAILRACE_ROUTES,
  { method: 'GET', path: '/count', handle: count },
  { method: 'GET', path: '/lines/*', stream: lines },
]
