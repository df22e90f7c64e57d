import { listConnections } from './connections.ts'
import { healthz, readyz } from './health.ts'
import { readHistory } from './history.ts'
import { publish } from './publish.ts'
import { revokeConnection, revokeSubject } from './revoke.ts'
import type { Route } from './route-table.ts'
import { STREAM_HEADERS } from './stream-headers.ts'
import { readStreamRequest } from './stream-request.ts'
import { issueTicket } from './tickets.ts'
import { listTopics, purgeTopic } from './topics.ts'

const tailraceStream = { headers: STREAM_HEADERS, read: readStreamRequest }

/** The HTTP protocol of Tailrace (`spec/protocol.md`). */
export const TAILRACE_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/events', stream: tailraceStream, handle: readHistory },
  { method: 'GET', path: '/topics/*', stream: tailraceStream, handle: readHistory },
  { method: 'POST', path: '/topics/*', handle: publish },
  { method: 'DELETE', path: '/topics/*', access: 'admin', handle: purgeTopic },
  { method: 'GET', path: '/topics', handle: listTopics },
  { method: 'POST', path: '/topics', handle: publish },
  { method: 'POST', path: '/tickets', handle: issueTicket },
  { method: 'GET', path: '/connections', access: 'admin', handle: listConnections },
  {
    method: 'DELETE',
    path: '/connections',
    access: 'admin',
    parameters: new Set(['subject']),
    handle: revokeSubject,
  },
  { method: 'DELETE', path: '/connections/*', access: 'admin', handle: revokeConnection },
  { method: 'GET', path: '/healthz', access: 'anyone', handle: healthz },
  { method: 'GET', path: '/readyz', access: 'anyone', handle: readyz },
]
