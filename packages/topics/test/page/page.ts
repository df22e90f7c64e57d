import { connect, json, subscribe } from '@tailrace/client'
import type { EventsOf } from '@tailrace/topics'
import type { topics } from './topics.ts'

export const order = subscribe<EventsOf<typeof topics, 'orders/:id'>>('/topics/orders/42', { decode: json })
order.on('paid', ({ data }) => console.log(data.total))

export const page = connect('/')
const said = page.subscribe<EventsOf<typeof topics, 'rooms/:room/messages'>>('rooms/*/messages', {
  decode: json,
})
said.on('said', ({ data, topic }) => console.log(topic, data.text))
