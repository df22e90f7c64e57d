import type { UIMessage } from 'ai'

/** A message of the AI SDK. The note says why an answer is not complete. */
export type ChatMessage = UIMessage<{ note?: string }>

/** What happens in a chat: the events of its topic. The text of an answer has a stream of its own, while it comes. */
export interface ChatEvents {
  /** The tab that has asked shows the answer already. */
  asked: { question: ChatMessage; stream: string; tab: string }
  /** There is no answer if its stream was lost before the first word. */
  answered: { answer?: ChatMessage; stream: string }
}

export interface Chat {
  messages: ChatMessage[]
  /** The stream of the answer that the chat is waiting for. */
  stream?: string
}

/** A question that was asked before is asked again: what followed it is replaced. */
export function asked({ messages }: Chat, { question, stream }: ChatEvents['asked']): Chat {
  const before = messages.findIndex(({ id }) => id === question.id)
  return { messages: [...messages.slice(0, before === -1 ? undefined : before), question], stream }
}

export function answered({ messages }: Chat, { answer }: ChatEvents['answered']): Chat {
  if (answer === undefined) return { messages }
  const isShown = messages.some(({ id }) => id === answer.id)
  if (!isShown) return { messages: [...messages, answer] }
  return { messages: messages.map((message) => (message.id === answer.id ? answer : message)) }
}
