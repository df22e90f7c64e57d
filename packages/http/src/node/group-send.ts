import type { Socket } from 'node:net'

/**
 * Sends the same bytes to each of the first `count` descriptors, and waits for none of them. Each result is how many
 * bytes the kernel took, or a negative error number; a negative descriptor is skipped. Returns how many took all.
 * `@tailrace/multisend` provides it.
 */
export type GroupSend = (
  descriptors: Int32Array,
  count: number,
  bytes: Uint8Array,
  results: Int32Array,
) => number

/** A writer to one socket, which may leave a write to the group. */
export interface GroupMember {
  /** Where the kernel would take its bytes at once; -1 if its socket must write them. */
  descriptor(): number
  /** Has its socket write what the kernel has not taken. */
  writeBytes(bytes: Uint8Array): void
}

/** How many sockets share a call: enough to make the cost of the call itself vanish; well under a millisecond of work. */
const MAX_MEMBERS = 256
/** Numbers of groups start over before they would cost more than small integers. */
const MAX_NUMBER = 2 ** 30

const descriptors = new Int32Array(MAX_MEMBERS)
const results = new Int32Array(MAX_MEMBERS)
let send: GroupSend | undefined
let members: GroupMember[] = []
let shared: Uint8Array | undefined
let current = 1
let grouped = 0

/**
 * From now on, writes of the same bytes to many readers reach the kernel in one call. This concerns the plain TCP
 * connections of this thread. Whatever the call cannot do is left to the socket.
 *
 * @param by - undefined has each socket write by itself, as it was at first
 */
export function sendInGroups(by: GroupSend | undefined): void {
  sendGroup()
  send = by
}

/** How many writes of this thread have been completed by such calls. */
export function groupedWrites(): number {
  return grouped
}

/**
 * Leaves a write to the group, which is sent at the latest when this turn of the event loop is over. Before that, the
 * member must call {@link sendGroup} if it does anything else with its socket.
 *
 * @returns the number of the group; 0 if the socket must write by itself
 */
export function joinGroup(member: GroupMember, bytes: Uint8Array): number {
  if (send === undefined) return 0
  if (bytes !== shared) {
    sendGroup()
    shared = bytes
  }
  if (members.length === 0) process.nextTick(sendGroup)
  const number = current
  members.push(member)
  if (members.length === MAX_MEMBERS) sendGroup()
  return number
}

/** Whether the group with this number has not been sent. */
export function isGathering(number: number): boolean {
  return number === current
}

export function sendGroup(): void {
  const group = members
  const bytes = shared
  const { length } = group
  if (length === 0 || bytes === undefined) return
  members = []
  shared = undefined
  current = current === MAX_NUMBER ? 1 : current + 1
  // From here to the call, nothing can close a socket, whose descriptor could then be that of another connection.
  for (let i = 0; i < length; i += 1) descriptors[i] = group[i]!.descriptor()
  const whole = send!(descriptors, length, bytes, results)
  grouped += whole
  if (whole === length) return
  // Copied: a socket may call others when it writes, and they may send a group.
  const taken = results.slice(0, length)
  for (let i = 0; i < length; i += 1) {
    // An error is left to the socket, which meets it again and reports it.
    const rest = bytes.subarray(Math.max(0, taken[i]!))
    if (rest.length > 0) group[i]!.writeBytes(rest)
  }
}

/** What Node keeps the connection in: the only way to its descriptor. */
interface Handle {
  readonly fd?: number
  readonly writeQueueSize?: number
}

interface HandleSocket extends Socket {
  readonly _handle?: Handle | null
}

/** Others look like Node, but keep their connections elsewhere. */
const isNode = process.versions['bun'] === undefined && process.versions['deno'] === undefined

/** Whether the bytes that are written to a socket are those that leave: not with TLS. */
export function isPlain({ _handle: handle }: HandleSocket): boolean {
  return isNode && handle?.constructor.name === 'TCP'
}

/**
 * The descriptor of a socket that would hand bytes to the kernel at once. Otherwise -1: it is closed or ended, or has
 * bytes queued, or measures its idle time, which only its own writes end.
 */
export function descriptorOf(socket: HandleSocket): number {
  const { _handle: handle, timeout } = socket
  if (!handle || !socket.writable || socket.writableLength > 0 || socket.writableCorked > 0) return -1
  if (timeout !== undefined && timeout > 0) return -1
  return handle.writeQueueSize === 0 ? (handle.fd ?? -1) : -1
}
