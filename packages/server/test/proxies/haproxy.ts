import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, startService } from '@tailrace/testkit'
import type { Service } from '@tailrace/testkit'
import { deployed } from './deployed.ts'
import type { Place, Proxy } from './proxied.ts'

const TLS = ' ssl crt /etc/haproxy/certs/events.example.com.pem alpn h2,http/1.1'

export const haproxy: Proxy = {
  scheme: 'https',
  whenHubIsAway: 'answers',
  async start(place) {
    return startHaproxy(place, await freePort())
  },
}

export async function startHaproxy(
  { folder, certificate, port, hubPort, idleSeconds }: Place,
  secondHubPort: number,
  scheme: 'http' | 'https' = 'https',
): Promise<Service> {
  const [file, pem] = [join(folder, 'haproxy.cfg'), join(folder, 'both.pem')]
  writeFileSync(pem, certificate.pem + readFileSync(certificate.key, 'utf8'))
  const config = deployed('haproxy.cfg', [
    ['    user haproxy\n    group haproxy\n', ''],
    ['/dev/log', 'stdout format raw'],
    ['maxconn 50000', 'maxconn 8000'],
    ['/run/haproxy/admin.sock', join(folder, 'admin.sock')],
    ['bind :443', `bind 127.0.0.1:${port}`],
    scheme === 'https' ? ['/etc/haproxy/certs/events.example.com.pem', pem] : [TLS, ''],
    ['127.0.0.1:4242', `127.0.0.1:${hubPort}`],
    ['127.0.0.1:4243', `127.0.0.1:${secondHubPort}`],
    ...(idleSeconds === undefined
      ? []
      : [
          ['timeout client 60s', `timeout client ${idleSeconds}s`] as const,
          ['timeout server 60s', `timeout server ${idleSeconds}s`] as const,
        ]),
  ])
  writeFileSync(file, config)
  return startService({ command: 'haproxy', args: ['-db', '-f', file], port })
}
