import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'

/** A machine on a network. */
export interface Host {
  readonly name: string
  readonly address: string
  /** The beginning of a command line that runs a command on it. */
  readonly prefix: readonly string[]
}

/** Machines on one network, which this machine can reach as well. */
export interface Hosts extends Disposable {
  /** @throws Error if there is no host of this name */
  host(name: string): Host
  /** Whether their network is real. If not, only their addresses differ, and nothing can be cut. */
  readonly canCut: boolean
  /** From now on, packets between the two vanish, without an error on either side. */
  cut(one: string, other: string): void
  heal(one: string, other: string): void
}

/** An address that no network card has: frames to it reach every host of the network, and each of them drops them. */
const NOBODY = '02:00:00:00:00:00'
/** The first address of a network is that of this machine. */
const MAX_HOSTS = 13

/**
 * Opens a network with these hosts: network namespaces on a switch. If this process may not create them, because it is
 * not root, or in a container without the capability, the hosts are addresses of this machine.
 */
export function openHosts(names: readonly string[]): Hosts {
  if (names.length > MAX_HOSTS) throw new RangeError(`a network has at most ${MAX_HOSTS} hosts`)
  const id = randomInt(2 ** 12)
  return openNamespaces(id, names) ?? openAddresses(id, names)
}

function openNamespaces(id: number, names: readonly string[]): Hosts | undefined {
  // From the range for tests of devices (RFC 2544): 198.19.0.0/16, in sixteens.
  const addressOf = (last: number): string => `198.19.${id >> 4}.${(id & 0xf) * 16 + last}`
  const spaceOf = (name: string): string => `tailrace-${id}-${name}`
  const hub = spaceOf('switch')
  const spaces = [hub, ...names.map(spaceOf)]
  // In its own namespace, so that no firewall of this machine applies to what passes through it.
  const made = [
    ['netns', 'add', hub],
    ['-n', hub, 'link', 'add', 'bridge', 'type', 'bridge'],
    ['-n', hub, 'link', 'set', 'bridge', 'up'],
    ['link', 'add', `th${id}`, 'type', 'veth', 'peer', 'name', 'us', 'netns', hub],
    ['addr', 'add', `${addressOf(1)}/28`, 'dev', `th${id}`],
    ['link', 'set', `th${id}`, 'up'],
    ['-n', hub, 'link', 'set', 'us', 'master', 'bridge', 'up'],
    ...names.flatMap((name, i) => [
      ['netns', 'add', spaceOf(name)],
      ['-n', hub, 'link', 'add', `host${i}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', spaceOf(name)],
      ['-n', hub, 'link', 'set', `host${i}`, 'master', 'bridge', 'up'],
      ['-n', spaceOf(name), 'addr', 'add', `${addressOf(i + 2)}/28`, 'dev', 'eth0'],
      ['-n', spaceOf(name), 'link', 'set', 'eth0', 'up'],
      ['-n', spaceOf(name), 'link', 'set', 'lo', 'up'],
    ]),
  ].every(ip)
  // A namespace takes its cables with it.
  const close = (): void => {
    for (const space of spaces) ip(['netns', 'delete', space])
  }
  if (!made) {
    close()
    return undefined
  }
  const hosts = names.map((name, i) => ({
    name,
    address: addressOf(i + 2),
    prefix: ['ip', 'netns', 'exec', spaceOf(name)],
  }))
  const host = finder(hosts)

  function setWays(one: string, other: string, change: readonly string[], way: readonly string[]): void {
    const [a, b] = [host(one), host(other)]
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      if (!ip(['-n', spaceOf(from.name), 'neigh', ...change, to.address, 'dev', 'eth0', ...way]))
        throw new Error(`the way from ${from.name} to ${to.name} cannot be changed`)
    }
  }
  return {
    host,
    canCut: true,
    cut: (one, other) => setWays(one, other, ['replace'], ['lladdr', NOBODY, 'nud', 'permanent']),
    heal: (one, other) => setWays(one, other, ['delete'], []),
    [Symbol.dispose]: close,
  }
}

function openAddresses(id: number, names: readonly string[]): Hosts {
  const host = finder(
    names.map((name, i) => ({ name, address: `127.${1 + (id >> 8)}.${id & 0xff}.${i + 2}`, prefix: [] })),
  )
  const refuse = (): void => {
    throw new Error('these hosts are addresses of one machine: nothing between them can be cut')
  }
  return { host, canCut: false, cut: refuse, heal: refuse, [Symbol.dispose]: () => undefined }
}

function finder(hosts: readonly Host[]): (name: string) => Host {
  return (name) => {
    const found = hosts.find((host) => host.name === name)
    if (found === undefined) throw new Error(`there is no host ${name}`)
    return found
  }
}

function ip(args: readonly string[]): boolean {
  return spawnSync('ip', args, { stdio: 'ignore' }).status === 0
}
