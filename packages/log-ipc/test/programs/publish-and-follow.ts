import { writeFileSync } from 'node:fs'

import { openIpcLog } from '../../src/index.ts'
import { publishUntilStored } from '../publish-until-stored.ts'

// Publishes with many writers, and follows the log, until a line arrives. Then it writes down what it has learned.

const WRITERS = 8
const [socket, name, file] = process.argv.slice(2) as [string, string, string]
const log = await openIpcLog({ url: `ipc:${socket}` })
const followed: [offset: number, data: string][] = []
const interruptions: string[] = []
const acknowledged: [offset: number, data: string][] = []
const { after } = await log.tail({
  events(events) {
    for (const { offset, data } of events) followed.push([offset, data])
  },
  purged() {},
  lost: (through) => void interruptions.push(`lost ${through}`),
  interrupted: (reason) => void interruptions.push(reason.code),
  resumed: () => void interruptions.push('resumed'),
  failed: (error) => void interruptions.push(`failed: ${error.message}`),
})
const over = new AbortController()
process.stdin.once('data', () => over.abort())
console.log('following')

async function write(writer: number): Promise<void> {
  for (let n = 0; !over.signal.aborted; n += 1) {
    const data = `${name}.${writer}.${n}`
    acknowledged.push([await publishUntilStored(log, data, `t/${writer}`), data])
    if (acknowledged.length % 50 === 0) console.log('more')
  }
}

await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)))
console.log('written')
const [last] = await new Promise<Buffer[]>((resolve) => process.stdin.once('data', (line) => resolve([line])))
while (followed.at(-1)![0] < Number(last)) await new Promise(setImmediate)
writeFileSync(file, JSON.stringify({ after, followed, acknowledged, interruptions }))
await log.close()
process.stdin.destroy()
