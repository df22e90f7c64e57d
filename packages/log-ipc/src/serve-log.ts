import type { CompleteEventLog } from '@tailrace/log'

import { Feed } from './owner/feed.ts'
import { listen } from './owner/listen.ts'
import { Peer } from './owner/peer.ts'

/** A log that other processes can open. */
export interface LogServer {
  /** Completes what was accepted, and ends all connections. The log stays open. */
  close(): Promise<void>
}

/**
 * Serves a log to other processes of this machine, which open it with `openIpcLog`.
 *
 * @param path of the socket, at most 103 bytes. Its folder is created if necessary. Only the user may enter it: whoever can
 * open the socket can write the log
 * @throws RangeError if the path is too long
 * @throws LogError `locked` if another process serves a log there, `cannot-open` if the folder is not private, or cannot be
 * used; and those of `log`
 */
export async function serveLog(log: CompleteEventLog, path: string): Promise<LogServer> {
  const feed = await Feed.open(log)
  const peers = new Set<Peer>()
  try {
    const listening = await listen(path, (socket) => {
      const peer = new Peer(socket, log, feed)
      peers.add(peer)
      socket.on('close', () => peers.delete(peer))
    })
    return {
      async close() {
        const stopped = listening.close()
        await Promise.all(Array.from(peers, (peer) => peer.close()))
        await stopped
        feed.close()
      },
    }
  } catch (error) {
    feed.close()
    throw error
  }
}
