import type { Item } from '@tailrace/client'
import type { Hub } from '@tailrace/hub'
import { defineTopics } from '@tailrace/topics'
import type { EventsOf, Publish, Publisher } from '@tailrace/topics'
import { expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import type { order } from './page/page.ts'
import { topics } from './page/topics.ts'

/** The compiler is the test: nothing here runs. */
function compiled(
  publish: Publish<typeof topics.definition>,
  id: string,
  text: string,
  eitherType: 'paid' | 'shipped',
  eitherData: { total: number } | { carrier: string },
): unknown[] {
  return [
    publish('orders/42', 'paid', { total: 12 }),
    publish('orders/42', 'paid', { total: 12, at: new Date() }, { key: 'payment' }),
    publish(`orders/${id}`, 'shipped', { carrier: 'DHL' }),
    publish('rooms/7/messages', 'said', { text: 'hello' }),
    publish(`rooms/${id}/messages`, 'said', { text: 'hello' }),
    publish('news', 'paid', 'text'),
    publish(topics.topic('orders/:id', { id }), 'paid', { total: 12 }),
    // @ts-expect-error the topic is not defined
    publish('order/42', 'paid', { total: 12 }),
    // @ts-expect-error a parameter is one segment
    publish('orders/42/lines', 'paid', { total: 12 }),
    // @ts-expect-error a parameter is not empty
    publish('orders/', 'paid', { total: 12 }),
    // @ts-expect-error the last segment is missing
    publish('rooms/7', 'said', { text: 'hello' }),
    // @ts-expect-error any text could be any topic
    publish(text, 'paid', { total: 12 }),
    // @ts-expect-error the type is not defined
    publish('orders/42', 'payed', { total: 12 }),
    // @ts-expect-error the type belongs to another pattern
    publish('orders/42', 'said', { text: 'hello' }),
    // @ts-expect-error the data has the wrong type
    publish('orders/42', 'paid', { total: '12' }),
    // @ts-expect-error the data lacks a property
    publish('orders/42', 'paid', {}),
    // @ts-expect-error the data has a property that is not defined
    publish('orders/42', 'paid', { total: 12, secret: text }),
    // @ts-expect-error the data of another type
    publish('orders/42', 'shipped', { total: 12 }),
    // @ts-expect-error the data may be that of the other type
    publish('orders/42', eitherType, eitherData),
    publish('orders/42', eitherType, { total: 12, carrier: 'DHL' }),
    publish('orders/42', 'paid', { total: 12, at: text === '' ? undefined : new Date() }),
    // @ts-expect-error the parameter is missing
    topics.topic('orders/:id', {}),
    // @ts-expect-error the parameter has another name
    topics.topic('orders/:id', { room: id }),
    // @ts-expect-error the pattern is not defined
    topics.topic('users/:id', { id }),
    // @ts-expect-error a schema is required
    () => defineTopics({ 'orders/:id': { paid: { total: 'number' } } }),
  ]
}

test('only what is defined can be published', () => {
  expectTypeOf(compiled).toBeFunction()
  expectTypeOf<Hub>().toExtend<Publisher>()
  expectTypeOf(topics.topic<'orders/:id'>).returns.toEqualTypeOf<`orders/${string}`>()
})

test('a reader receives the types of the definition, after JSON', () => {
  expectTypeOf<EventsOf<typeof topics, 'orders/:id'>>().toEqualTypeOf<{
    readonly paid: { total: number; at?: string | undefined }
    readonly shipped: { carrier: string }
  }>()
  const other = defineTopics({
    a: { b: z.object({ list: z.array(z.tuple([z.date(), z.number()])).nullable() }) },
  })
  expectTypeOf<EventsOf<typeof other>['b']['list']>().toEqualTypeOf<[string, number][] | null>()
})

test('the types of several patterns are those of all of them', () => {
  type Events = EventsOf<typeof topics, 'orders/:id' | 'news'>
  expectTypeOf<keyof Events>().toEqualTypeOf<'paid' | 'shipped' | 'tick er'>()
  expectTypeOf<Events['shipped']>().toEqualTypeOf<{ carrier: string }>()
  expectTypeOf<Events['paid']>().toEqualTypeOf<string | { total: number; at?: string | undefined }>()
  expectTypeOf<keyof EventsOf<typeof topics>>().toEqualTypeOf<'paid' | 'shipped' | 'said' | 'tick er'>()
})

test('in a loop, the type of an event discriminates its data', () => {
  function show(item: Item<EventsOf<typeof topics, 'orders/:id'>>): void {
    if (item.kind !== 'event') return
    if (item.type === 'paid') expectTypeOf(item.data.total).toEqualTypeOf<number>()
    else expectTypeOf(item.data.carrier).toEqualTypeOf<string>()
  }
  expectTypeOf(show).toBeFunction()
  expectTypeOf<Parameters<Parameters<typeof order.on<'shipped'>>[1]>[0]['data']>().toEqualTypeOf<{
    carrier: string
  }>()
})
