import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { execFile } from 'node:child_process'
import { AbsentError, get, type Peer, type Place, post } from '../peer.ts'
import { type ServerProcess, startServer } from '../server-process.ts'
import { fillIn } from './template.ts'

const MODULES = '/usr/lib/nginx/modules'

/** With its shared memory alone, or with a Redis server that other nodes use too. */
export function startNchan(place: Place, redisPort?: number): Promise<ServerProcess> {
  const { dir, port, cores, certificate } = place
  const config = fillIn('nchan/nginx.conf', dir, {
    PORT: port,
    DIR: dir,
    MODULES,
    WORKERS: cores ?? 'auto',
    SECURE: certificate === undefined ? '' : 'ssl http2',
    CERTIFICATE:
      certificate === undefined
        ? ''
        : `ssl_certificate ${certificate.cert}; ssl_certificate_key ${certificate.key};`,
    USE_REDIS: redisPort === undefined ? 'off' : 'on',
    REDIS: `127.0.0.1:${redisPort ?? 6379}`,
  })
  return startServer({ file: 'nginx', args: ['-p', dir, '-c', config], ports: [port] })
}

export const nchan: Peer = {
  name: 'nchan',
  title: 'Nchan',
  stored: 'in memory',
  durability: 'none: messages are in shared memory, and a restart or reload loses them',
  resumes: false,
  protocols: ['tls', 'h2'],

  async version() {
    if (!existsSync(`${MODULES}/ngx_nchan_module.so`))
      throw new AbsentError('libnginx-mod-nchan is not installed')
    const query = ['-W', '-f=${Package} ${Version}, ', 'libnginx-mod-nchan', 'nginx']
    const { stdout } = await promisify(execFile)('dpkg-query', query)
    return stdout.replace(/, $/, '').replaceAll(/libnginx-mod-nchan (\d+:)?/g, '')
  },

  start: (place) => startNchan(place),

  subscribe: ({ port }, topic, lastEventId) =>
    get(port, `/sub/${topic}`, lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),

  publish: ({ port }, topic, data) => post(port, `/pub/${topic}`, data, { 'Content-Type': 'text/plain' }),
}
