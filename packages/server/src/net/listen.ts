import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Server } from 'node:net'

/**
 * Connections that wait to be accepted. All readers return in the same moment after a deployment, and one that finds no
 * place tries again after a second, three, and seven. The kernel lowers it to its own bound (`net.core.somaxconn`).
 */
const BACKLOG = 4_096

export type ListenErrorCode =
  | 'port-in-use'
  | 'port-not-permitted'
  | 'address-unavailable'
  | 'port-not-shareable'

/** The hub cannot listen on the given address and port. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code: ListenErrorCode
  readonly host: string
  readonly port: number

  constructor(code: ListenErrorCode, { host, port }: Place, options: ErrorOptions) {
    super(ADVICE[code]({ host, port }), options)
    this.code = code
    this.host = host
    this.port = port
  }
}

interface Place {
  readonly host: string
  readonly port: number
  /** Other processes of this user may listen there as well. @defaultValue false */
  readonly reusePort?: boolean | undefined
}

const ADVICE: Readonly<Record<ListenErrorCode, (place: Place) => string>> = {
  'port-in-use': ({ host, port }) =>
    `Port ${port} of ${host} is already in use, perhaps by another hub: stop that program, or choose another port with --port.`,
  'port-not-permitted': ({ port }) =>
    `Port ${port} requires privileges that this user does not have: choose a port above 1023 with --port.`,
  'port-not-shareable': () =>
    'This system cannot distribute the connections of one port among processes: start the hub without --workers.',
  'address-unavailable': ({ host }) =>
    `${host} is not an address of this machine: choose one with --host, such as 127.0.0.1 or 0.0.0.0.`,
}

/** Node's codes (https://nodejs.org/api/errors.html#common-system-errors) that the operator can resolve. */
const CODES: Readonly<Record<string, ListenErrorCode>> = {
  EADDRINUSE: 'port-in-use',
  EACCES: 'port-not-permitted',
  EADDRNOTAVAIL: 'address-unavailable',
  ENOTFOUND: 'address-unavailable',
  // Systems on which SO_REUSEPORT is missing, or does not balance (https://nodejs.org/api/net.html#serverlistenoptions-callback).
  ENOTSUP: 'port-not-shareable',
}

/**
 * Checks that a hub could listen here, so that a failed start leaves no database behind.
 *
 * @throws ListenError
 */
export async function requireFree(place: Place): Promise<void> {
  const probe = createServer((socket) => socket.destroy())
  await listen(probe, place)
  probe.close()
  await once(probe, 'close')
}

/** @throws ListenError */
export async function listen(server: Server, place: Place): Promise<void> {
  try {
    server.listen({ ...place, backlog: BACKLOG })
    await once(server, 'listening')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const known = code === undefined ? undefined : CODES[code]
    throw known === undefined ? error : new ListenError(known, place, { cause: error })
  }
}
