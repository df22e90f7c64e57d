import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Engine } from '../engine.ts'
import { composeCommand, exampleFile } from '../example.ts'

export const redis: Engine = {
  name: 'redis',
  title: 'Redis',
  version: () =>
    `Redis ${execFileSync('redis-server', ['--version'], { encoding: 'utf8' }).match(/v=(\S+)/)?.[1]}`,
  diskBytes: 16 * 2 ** 20,
  async prepare({ address }, folder) {
    const [data, file] = [join(folder, 'data'), join(folder, 'redis.conf')]
    mkdirSync(data)
    writeFileSync(
      file,
      exampleFile('redis.conf', [
        ['bind 0.0.0.0', `bind ${address}`],
        ['/var/lib/redis', data],
      ]),
    )
    const { words } = composeCommand('redis', 'redis')
    return { words: words.map((word) => (word === '/etc/redis/redis.conf' ? file : word)), port: 6379 }
  },
}
