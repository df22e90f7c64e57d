import { openSqliteLog } from '@tailrace/log'

// Publishes batches from many publishers at once, and prints each when it is acknowledged, until it is killed.

const PUBLISHERS = 8
const [path, round] = process.argv.slice(2) as [string, string]
const log = await openSqliteLog({ path })
console.log('open')

async function publishForever(publisher: number): Promise<never> {
  for (let n = 0; ; n += 1) {
    const batch = `${round}.${publisher}.${n}`
    const size = 1 + ((n + publisher) % 4)
    const events = Array.from({ length: size }, (_, i) => ({
      topic: `t/${(publisher + i) % 5}`,
      data: `${batch} ${i} ${size} ${'x'.repeat(2000)}`,
      key: `${n % 7}`,
      idempotencyKey: `${batch}.${i}`,
    }))
    const appended = await log.append(events)
    console.log(`${batch} ${appended.map(({ offset }) => offset).join(',')}`)
  }
}

await Promise.all(Array.from({ length: PUBLISHERS }, (_, publisher) => publishForever(publisher)))
