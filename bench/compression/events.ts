import { randomInt, randomUUID } from 'node:crypto'

const STATES = ['created', 'paid', 'packed', 'shipped', 'delivered']
const GOODS =
  'anvil bolt chisel drill file gauge hammer jigsaw level mallet nail pliers rivet saw screw wrench'.split(
    ' ',
  )
const COLOURS = ['red', 'green', 'blue', 'black', 'white', 'grey', 'yellow', 'orange']
const PLACES = ['berlin-1', 'paris-2', 'oslo-1']

const pick = (all: readonly string[]): string => all[randomInt(all.length)]!
const price = (most: number): number => randomInt(most * 100) / 100

/** The state of an order as JSON, about this long. No two are equal, and identifiers and prices are random. */
export function orderOf(bytes: number, number: number): string {
  const brief = { order: number, status: pick(STATES), total: price(500), at: Date.now() }
  if (bytes < 200) return JSON.stringify(brief)
  const order = { ...brief, customer: randomUUID(), currency: 'EUR', items: [] as unknown[] }
  const item = (): unknown => ({
    sku: `SKU-${randomInt(99_999)}`,
    name: `${pick(COLOURS)} ${pick(GOODS)}`,
    quantity: randomInt(1, 6),
    price: price(100),
    warehouse: pick(PLACES),
  })
  while (JSON.stringify(order).length < bytes - 90) order.items.push(item())
  return JSON.stringify(order)
}
