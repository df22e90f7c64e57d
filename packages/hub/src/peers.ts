/** The other end of a TCP connection. A `net.Socket` is one. */
export interface PeerAddress {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

/** What the operating system knows about the other ends of connections, and a socket does not say. */
export interface Peers {
  /**
   * When a peer last acknowledged some of what is waiting for it, by `performance.now()`. Now, unless the system says that
   * it has been longer.
   */
  movedAt(peer: PeerAddress): number
  /** Why its connection was reset on this side a moment ago; nothing when it was not. */
  resetReason(peer: PeerAddress): 'vanished' | 'stalled' | undefined
}
