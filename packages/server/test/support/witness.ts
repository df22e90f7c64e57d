import { openStream } from '@tailrace/testkit'
import type { Serving } from '../../../http/test/serving.ts'

/** A reader on a connection of its own, to show that others are served on whatever one client does. */
export interface Witness {
  /** Resolves once an event that is published now has come; rejects when the server found itself at fault. */
  confirm(): Promise<void>
  close(): void
}

export async function openWitness({ url, hub, errors }: Serving): Promise<Witness> {
  const stream = await openStream(`${url}/topics/witness`)
  await stream.waitFor((frames) => frames.length === 2)
  let count = 0
  return {
    async confirm() {
      if (errors.length > 0) throw new AggregateError(errors, 'the server was at fault')
      count += 1
      await hub.publish([{ topic: 'witness', data: `${count}` }])
      await stream.waitFor((frames) => frames.at(-1)?.data === `${count}`)
    },
    close: () => stream.close(),
  }
}
