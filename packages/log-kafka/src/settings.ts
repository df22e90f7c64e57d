import { ConfigResourceTypes, describeConfigsV4 } from '@platformatic/kafka'
import { LogError } from '@tailrace/log'

import type { Broker } from './broker.ts'
import { toLogError } from './errors.ts'
import type { Topic } from './topic.ts'

const KEYS = [
  'cleanup.policy',
  'flush.messages',
  'max.message.bytes',
  'min.insync.replicas',
  'retention.bytes',
  'retention.ms',
  'unclean.leader.election.enable',
] as const

/** The settings of a topic that decide what it can lose, or those of its brokers where it has none. */
export type TopicSettings = Readonly<Record<(typeof KEYS)[number], string>>

/** @throws LogError `incompatible` if the topic cannot hold a log; as `toLogError` */
export async function readSettings(broker: Broker, { name }: Topic): Promise<TopicSettings> {
  const resource = {
    resourceType: ConfigResourceTypes.TOPIC,
    resourceName: name,
    configurationKeys: [...KEYS],
  }
  const settings = new Map<string, string | null | undefined>()
  try {
    const { results } = await broker.call(describeConfigsV4.api, [resource], false, false)
    for (const config of results[0]?.configs ?? []) settings.set(config.name, config.value)
  } catch (error) {
    throw toLogError(error, `describe the settings of the topic "${name}"`, 'read')
  }
  const found = Object.fromEntries(KEYS.map((key) => [key, settings.get(key) ?? ''])) as TopicSettings
  if (found['cleanup.policy'].includes('compact')) {
    throw new LogError(
      'incompatible',
      `The Kafka topic "${name}" has cleanup.policy=${found['cleanup.policy']}: Kafka would keep only the newest record ` +
        `of each key, and accepts no record without one. ${toSet(name, 'cleanup.policy=delete')}`,
      { details: { topic: name, policy: found['cleanup.policy'] } },
    )
  }
  return found
}

/** One sentence for each setting that could lose acknowledged events. */
export function hazardsOf({ name, replicas }: Topic, settings: TopicSettings): string[] {
  const topic = `The Kafka topic "${name}"`
  const hazards: string[] = []
  // Kafka answers once the brokers have a record in memory, unless it is configured to write each one to disk.
  const isFlushed = settings['flush.messages'] === '1'
  const copies = Math.min(replicas, Number(settings['min.insync.replicas']))
  if (copies < 2 && !isFlushed) {
    const remedy =
      replicas < 2
        ? `Use three brokers and a topic with three replicas, or write each record to disk. ${toSet(name, 'flush.messages=1')}`
        : toSet(name, 'min.insync.replicas=2')
    hazards.push(
      `${topic} acknowledges an event as soon as one broker has it in memory (replicas=${replicas}, ` +
        `min.insync.replicas=${settings['min.insync.replicas']}), so that a power cut can lose it. ${remedy}`,
    )
  }
  if (settings['unclean.leader.election.enable'] === 'true') {
    hazards.push(
      `${topic} has unclean.leader.election.enable=true: a broker that lacks acknowledged events can take over. ` +
        toSet(name, 'unclean.leader.election.enable=false'),
    )
  }
  for (const key of ['retention.ms', 'retention.bytes'] as const) {
    if (settings[key] === '-1') continue
    hazards.push(
      `${topic} has ${key}=${settings[key]}: Kafka removes events by itself, whatever --retain says. ` +
        toSet(name, `${key}=-1`),
    )
  }
  return hazards
}

function toSet(name: string, setting: string): string {
  return `Set it: kafka-configs.sh --alter --entity-type topics --entity-name ${name} --add-config ${setting}`
}
