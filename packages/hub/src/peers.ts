/** The other end of a TCP connection. A `net.Socket` is one. */
export interface PeerAddress {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

/** What the operating system, but not the socket, knows about the other ends of connections. */
export interface Peers {
  /**
   * When a peer last acknowledged some of the data waiting for it, by `performance.now()`. The current time, unless
   * the system shows that it has been longer.
   */
  movedAt(peer: PeerAddress): number
  /** Why this side reset its connection a moment ago. Undefined if it did not. */
  resetReason(peer: PeerAddress): 'vanished' | 'stalled' | undefined
}
