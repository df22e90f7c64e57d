import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import { ListenError } from './listen.ts'

/**
 * Claims an address for all processes of a hub, until it is closed or this process is gone. Workers share their port with
 * any process of the same user that agrees to share it, so that a second hub could pass the check that the port is free
 * before the first one listens. On Linux, an abstract socket serves as the claim: it has no file that could be left
 * behind. Other systems, and ports that the system chooses, have no claim.
 *
 * @throws ListenError `port-in-use`
 */
export async function claim(place: {
  readonly host: string
  readonly port: number
}): Promise<Server | undefined> {
  if (process.platform !== 'linux' || place.port === 0) return undefined
  // The name of a host may be longer than that of a socket.
  const name = createHash('sha256').update(`${place.host} ${place.port}`).digest('hex').slice(0, 32)
  const claimed = createServer((socket) => socket.destroy()).unref()
  try {
    claimed.listen(`\0tailrace-${name}`)
    await once(claimed, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new ListenError('port-in-use', place, { cause: error })
  }
  return claimed
}
