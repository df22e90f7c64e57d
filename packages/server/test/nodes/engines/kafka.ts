import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { kafkaCommand } from '@tailrace/testkit'
import type { Engine } from '../engine.ts'
import { composeServices, exampleFile } from '../example.ts'

const CLUSTER_ID = 'dGFpbHJhY2UtZHJpbGxzLg'

export const kafka: Engine = {
  name: 'kafka',
  title: 'Kafka',
  version: () => `Kafka ${composeServices('kafka')['kafka']!.image!.split(':')[1]}`,
  diskBytes: 256 * 2 ** 20,
  async prepare({ address }, folder) {
    const file = join(folder, 'kafka.properties')
    const properties = exampleFile('kafka.properties', [
      ['/var/lib/kafka/data', join(folder, 'data')],
      ['kafka:', `${address}:`],
      ['://:', `://${address}:`],
    ])
    writeFileSync(file, properties)
    // What its image does at the first start.
    const format = ['format', '--standalone', '--cluster-id', CLUSTER_ID, '--config', file]
    const [command, ...words] = kafkaCommand('kafka.tools.StorageTool', ...format)
    execFileSync(command, words, { stdio: 'ignore' })
    return { words: kafkaCommand('kafka.Kafka', file), port: 9092 }
  },
}
