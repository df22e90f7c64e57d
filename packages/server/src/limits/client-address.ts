import { BlockList, isIP, SocketAddress } from 'node:net'

/** Proxies whose `X-Forwarded-For` is trusted. */
export type TrustedProxies = Pick<BlockList, 'check'>

/** @throws RangeError for a text that is not an address or a network such as 10.0.0.0/8 */
export function parseProxies(networks: readonly string[]): TrustedProxies {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits, ...rest] = network.split('/')
    const family = isIP(address)
    const most = family === 4 ? 32 : 128
    const prefix = bits === undefined ? most : Number(bits)
    const isNetwork = family !== 0 && rest.length === 0 && /^[0-9]*$/.test(bits ?? '') && prefix <= most
    if (!isNetwork || bits === '')
      throw new RangeError(`--trust-proxy must be a network such as 10.0.0.0/8, not ${network}`)
    list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}

/** Maximum proxies in a row. Each hop is looked up in all networks, and clients may list any number of them. */
const MAX_HOPS = 16

/**
 * Where a request came from: the nearest address that is not one of our proxies. Everything further left in
 * `X-Forwarded-For` may have been written by the client.
 */
export function clientAddress(
  remote: string | undefined,
  forwardedFor: string | undefined,
  proxies: TrustedProxies,
): string {
  let address = plain(remote ?? '')
  const hops = forwardedFor?.split(',').slice(-MAX_HOPS) ?? []
  while (hops.length > 0 && isTrusted(address, proxies)) {
    const hop = plain(withoutPort(hops.pop()!.trim()))
    if (isIP(hop) === 0) break
    address = hop
  }
  return address
}

function isTrusted(address: string, proxies: TrustedProxies): boolean {
  const family = isIP(address)
  return family !== 0 && proxies.check(address, family === 4 ? 'ipv4' : 'ipv6')
}

/** Some proxies write `203.0.113.9:5678` and `[2001:db8::1]:5678`, others `[2001:db8::1]`. */
function withoutPort(hop: string): string {
  const [, v4, v6] = /^(?:([0-9.]+):[0-9]{1,5}|\[(.*)\](?::[0-9]{1,5})?)$/.exec(hop) ?? []
  return v4 ?? v6 ?? hop
}

/**
 * One spelling for each address, by which it is counted. An IPv4 address stays one even if it arrived over a
 * dual-stack socket.
 */
function plain(address: string): string {
  if (isIP(address) !== 6) return address
  return new SocketAddress({ address, family: 'ipv6' }).address.replace(/^::ffff:(?=[0-9.]+$)/i, '')
}
