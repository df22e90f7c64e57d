import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'

/** A network of its own, joined to this machine by one cable: what is in it can vanish without a word. */
export interface Network extends Disposable {
  /** How what is in it reaches this machine. */
  readonly host: string
  /** What goes before a command to run it in there. */
  readonly prefix: readonly string[]
  /** Takes its address away: nothing that is sent to it is answered any more, and nothing says so. */
  vanish(): void
}

/** `undefined` where this process may not make one: not root, or a container without the capability. */
export function openNetwork(): Network | undefined {
  const id = randomInt(2 ** 20)
  const name = `tailrace-${id}`
  // Of the range for tests of devices (RFC 2544): 198.18.0.0/15, in pairs.
  const [b, c, d] = [18 + (id >> 19), (id >> 6) & 0xff, (id & 0x3f) * 4]
  const address = (last: number): string => `198.${b}.${c}.${d + last}`
  const made = [
    ['netns', 'add', name],
    ['link', 'add', `tr${id}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name],
    ['addr', 'add', `${address(1)}/30`, 'dev', `tr${id}`],
    ['link', 'set', `tr${id}`, 'up'],
    ['-n', name, 'addr', 'add', `${address(2)}/30`, 'dev', 'eth0'],
    ['-n', name, 'link', 'set', 'eth0', 'up'],
  ].every(ip)
  // With it goes its end of the cable, and so the other.
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
