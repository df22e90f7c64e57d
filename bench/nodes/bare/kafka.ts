import { Admin, Producer, ProduceAcks, stringSerializers } from '@platformatic/kafka'
import type { Writer } from './writer.ts'

const TOPIC = 'bare'

export async function openWriters(url: string, connections: number): Promise<Writer[]> {
  const client = { clientId: TOPIC, bootstrapBrokers: [url.slice('kafka://'.length)] }
  const admin = new Admin(client)
  const topics = await admin.listTopics()
  if (!topics.includes(TOPIC)) await admin.createTopics({ topics: [TOPIC], partitions: 1, replicas: 1 })
  return Array.from({ length: connections }, () => {
    const producer = new Producer({ ...client, serializers: stringSerializers })
    return {
      write: (data) =>
        producer.send({ messages: [{ topic: TOPIC, partition: 0, value: data }], acks: ProduceAcks.ALL }),
    }
  })
}
