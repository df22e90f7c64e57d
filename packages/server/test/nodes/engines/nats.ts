import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Engine } from '../engine.ts'
import { composeCommand, exampleFile } from '../example.ts'

export const nats: Engine = {
  name: 'nats',
  title: 'NATS JetStream',
  version: () => execFileSync('nats-server', ['--version'], { encoding: 'utf8' }).trim(),
  diskBytes: 64 * 2 ** 20,
  async prepare({ address }, folder) {
    const file = join(folder, 'nats.conf')
    writeFileSync(
      file,
      exampleFile('nats.conf', [
        ['0.0.0.0', address],
        ['/var/lib/nats', join(folder, 'data')],
      ]),
    )
    const { words } = composeCommand('nats', 'nats')
    return { words: words.map((word) => (word === '/etc/nats/nats.conf' ? file : word)), port: 4222 }
  },
}
