import type { Hub } from '@tailrace/hub'

/** How many streams select a topic by its name. */
export async function countStreams(hub: Hub, topic: string): Promise<number> {
  let count = 0
  await hub.survey(({ selectors }) => {
    if (selectors.includes(topic)) count += 1
  })
  return count
}
