import { defineTopics } from '@tailrace/topics'
import * as v from 'valibot'
import { z } from 'zod'

const Paid = z.object({ total: z.number(), at: z.date().optional() })
const Shipped = v.object({ carrier: v.string() })
const Said = z.object({ text: z.string().max(200) })

export const topics = defineTopics({
  'orders/:id': { paid: Paid, shipped: Shipped },
  'rooms/:room/messages': { said: Said },
  news: { paid: z.string(), 'tick er': z.number() },
})
