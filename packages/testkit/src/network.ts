import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'

/**
 * A separate network, connected to this machine by one virtual cable: a process in it can vanish without closing its
 * connections.
 */
export interface Network extends Disposable {
  /** The address of this machine, as seen from that network. */
  readonly host: string
  /** The beginning of a command line that runs a command in that network. */
  readonly prefix: readonly string[]
  /** Removes its address: packets sent to it are no longer answered, not even with an error. */
  vanish(): void
}

/** Networks that other processes left behind may have the same name. */
const ATTEMPTS = 3

/** `undefined` if this process may not create one: it is not root, or in a container without the capability. */
export function openNetwork(): Network | undefined {
  for (let attempt = 1; attempt < ATTEMPTS; attempt += 1) {
    const network = makeNetwork()
    if (network !== undefined) return network
  }
  return makeNetwork()
}

function makeNetwork(): Network | undefined {
  const id = randomInt(2 ** 14)
  const name = `tailrace-${id}`
  // From the range for tests of devices (RFC 2544): 198.18.0.0/16, in fours. `openHosts` has the other half.
  const address = (last: number): string => `198.18.${id >> 6}.${(id & 0x3f) * 4 + last}`
  const made = [
    ['netns', 'add', name],
    ['link', 'add', `tr${id}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name],
    ['addr', 'add', `${address(1)}/30`, 'dev', `tr${id}`],
    ['link', 'set', `tr${id}`, 'up'],
    ['-n', name, 'addr', 'add', `${address(2)}/30`, 'dev', 'eth0'],
    ['-n', name, 'link', 'set', 'eth0', 'up'],
  ].every(ip)
  // Removes this end of the cable, and with it the other.
  const close = (): void => void ip(['netns', 'delete', name])
  if (!made) {
    close()
    return undefined
  }
  return {
    host: address(1),
    prefix: ['ip', 'netns', 'exec', name],
    vanish() {
      if (!ip(['-n', name, 'addr', 'flush', 'dev', 'eth0'])) throw new Error(`${name} keeps its address`)
    },
    [Symbol.dispose]: close,
  }
}

function ip(args: readonly string[]): boolean {
  return spawnSync('ip', args, { stdio: 'ignore' }).status === 0
}
