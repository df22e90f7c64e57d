import type { Hub } from '@tailrace/hub'
import { createResumableStreamContext } from '@tailrace/llm/resumable-stream'
import type { ResumableStreamContext } from '@tailrace/llm/resumable-stream'
import { convertToModelMessages, generateId } from 'ai'
import { answered, asked } from '../conversation.ts'
import type { Chat, ChatEvents, ChatMessage } from '../conversation.ts'
import { askModel, toMessage, toResponse } from './answer.ts'
import { getHub } from './hub.ts'

/** A chat, and the id of its last event, or `start`: a page that reads on from there misses nothing. */
export interface ChatAtCursor extends Chat {
  cursor: string
}

/** Whoever knows the id of a chat may read it and ask. */
export function isChatId(id: string): boolean {
  return /^[\w-]{1,64}$/.test(id)
}

export function topicOf(id: string): string {
  return `chats/${id}`
}

function streamsOf(
  hub: Hub,
  waitUntil: ((promise: Promise<unknown>) => void) | null = null,
): ResumableStreamContext {
  return createResumableStreamContext({ hub, keyPrefix: 'answers', waitUntil })
}

/** Reads a chat. An answer whose stream is over becomes part of it, as far as it came. */
export async function readChat(id: string): Promise<ChatAtCursor> {
  const hub = await getHub()
  const chat = await readEvents(hub, id)
  const { stream, cursor } = chat
  const streams = streamsOf(hub)
  if (stream === undefined || (await streams.hasExistingStream(stream)) === true) return chat
  const text = await streams.resumeExistingStream(stream)
  const data: ChatEvents['answered'] = { stream, answer: text ? await toMessage(text) : undefined }
  await hub.publish(topicOf(id), { type: 'answered', data, idempotencyKey: stream })
  return { ...answered(chat, data), cursor }
}

/** Asks the model, and responds with its answer, which goes on without the page that has asked. */
export async function ask(
  id: string,
  question: ChatMessage,
  tab: string,
  after: (promise: Promise<unknown>) => void,
): Promise<Response> {
  const hub = await getHub()
  const chat = await readChat(id)
  if (chat.stream !== undefined)
    return new Response('The last question is still being answered.', { status: 409 })
  const data: ChatEvents['asked'] = { question, stream: generateId(), tab }
  const messages = await convertToModelMessages(asked(chat, data).messages)
  // A stream is kept for a day. What came of it becomes part of the chat: now, or when the chat is read next.
  const keep = (over: Promise<unknown>): void => after(over.then(() => readChat(id)).catch(() => undefined))
  const streams = streamsOf(hub, keep)
  const text = await streams.createNewResumableStream(data.stream, (signal) => askModel(messages, signal))
  await hub.publish(topicOf(id), { type: 'asked', data })
  return toResponse(text!)
}

/** Responds with the answer that is in progress, from its start. */
export async function resume(id: string): Promise<Response> {
  const { stream } = await readChat(id)
  const text = stream && (await streamsOf(await getHub()).resumeExistingStream(stream))
  return text ? toResponse(text) : new Response(null, { status: 204 })
}

/** Stops the model, on whichever server its answer arrives. What has arrived stays. */
export async function stop(id: string): Promise<Response> {
  const { stream } = await readChat(id)
  if (stream !== undefined) await streamsOf(await getHub()).cancelStream(stream)
  await readChat(id)
  return new Response(null, { status: 204 })
}

async function readEvents(hub: Hub, id: string): Promise<ChatAtCursor> {
  let chat: Chat = { messages: [] }
  let cursor = 'start'
  for await (const { id: last, type, data } of hub.follow([topicOf(id)], { from: 'start', to: 'now' })) {
    const event = JSON.parse(data) as ChatEvents['asked'] & ChatEvents['answered']
    if (type === 'asked') chat = asked(chat, event)
    else if (event.stream === chat.stream) chat = answered(chat, event)
    cursor = last
  }
  return { ...chat, cursor }
}
