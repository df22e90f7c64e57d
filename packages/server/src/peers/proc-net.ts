import { SocketAddress } from 'node:net'

/** A connection with data that its peer has not acknowledged, as Linux lists it in `/proc/net/tcp` and `tcp6`. */
export interface Unacknowledged {
  /** The address and port of its peer, as the kernel writes them. {@link peerKey} converts those of Node to this form. */
  readonly peer: string
  /** Bytes that were sent and not acknowledged, or are waiting to be sent. */
  readonly queued: number
  /** How often the kernel has retransmitted a segment or a window probe since the peer last answered one. */
  readonly tries: number
}

/**
 * Offsets from the local address, which is `addressChars` long, like the remote one (`get_tcp4_sock` in
 * `net/ipv4/tcp_ipv4.c`).
 */
const PORT_CHARS = 4
const COLON = 0x3a
const NEWLINE = 0x0a
const ZERO = 0x30

/**
 * Reports the rows of a list that have unacknowledged data. It reads bytes, not text: of 16,000 rows, all but a few
 * are skipped after a look at three fields.
 *
 * @param chunk - contains complete rows, except for the last one
 * @returns how many bytes of the chunk were complete rows
 */
export function scanRows(
  chunk: Buffer,
  addressChars: 8 | 32,
  localPort: string,
  take: (row: Unacknowledged) => void,
): number {
  const remote = addressChars + 1 + PORT_CHARS + 1
  const queue = remote + addressChars + 1 + PORT_CHARS + 1 + 'st '.length
  const retries = queue + 'tx_queue:rx_queue '.length + 'tr:tm->when '.length
  let start = 0
  for (;;) {
    const end = chunk.indexOf(NEWLINE, start)
    if (end === -1) return start
    // After the number of the row, which the heading does not have.
    const local = chunk.indexOf(COLON, start) + 2
    const isRow = local > 1 && local + retries < end && hasPort(chunk, local + addressChars + 1, localPort)
    if (isRow && !isZero(chunk, local + queue)) {
      const text = chunk.toString('latin1', local, end)
      const [repeats = '0', , probes = '0'] = text.slice(retries).trimStart().split(/ +/, 3)
      take({
        peer: text.slice(remote, remote + addressChars + 1 + PORT_CHARS),
        queued: Number.parseInt(text.slice(queue, queue + 8), 16),
        tries: Number.parseInt(repeats, 16) + Number(probes),
      })
    }
    start = end + 1
  }
}

function hasPort(chunk: Buffer, at: number, port: string): boolean {
  for (let i = 0; i < PORT_CHARS; i += 1) if (chunk[at + i] !== port.charCodeAt(i)) return false
  return true
}

function isZero(chunk: Buffer, at: number): boolean {
  for (let i = 0; i < 8; i += 1) if (chunk[at + i] !== ZERO) return false
  return true
}

/** A port, as written in the lists. */
export function portText(port: number): string {
  return port.toString(16).toUpperCase().padStart(PORT_CHARS, '0')
}

/** Identifies a peer in the same form as {@link keyOf}. */
export function peerKey(peer: string): string {
  const [address = '', port = ''] = peer.split(':')
  return `${addressText(address)} ${Number.parseInt(port, 16)}`
}

/** The kernel writes each 32 bits of an address as a number in its own byte order. */
function addressText(hex: string): string {
  const bytes = Buffer.from(hex, 'hex')
  if (isLittleEndian) bytes.swap32()
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16))
  return new SocketAddress({ family: 'ipv6', address: groups.join(':') }).address
}

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
