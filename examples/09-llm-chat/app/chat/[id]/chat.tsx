'use client'

import { useChat } from '@ai-sdk/react'
import { DefaultChatTransport } from 'ai'
import { useState } from 'react'
import type { FormEvent, ReactNode } from 'react'
import type { ChatMessage } from '../../../conversation.ts'
import { useReconnect } from './use-reconnect.ts'
import { TAB, useTabs } from './use-tabs.ts'

const transport = new DefaultChatTransport<ChatMessage>({
  prepareSendMessagesRequest: ({ id, messages }) => ({
    body: { id, tab: TAB, question: messages.findLast(({ role }) => role === 'user') },
  }),
})

interface Props {
  id: string
  messages: ChatMessage[]
  cursor: string
}

export function ChatView({ id, messages: initial, cursor }: Props): ReactNode {
  const chat = useChat({ id, messages: initial, resume: true, transport })
  const { messages, status, error } = chat
  const isOffline = useReconnect(chat)
  useTabs(chat, cursor)

  const [draft, setDraft] = useState('')
  const isBusy = status === 'submitted' || status === 'streaming'
  const last = messages.at(-1)
  const problem = isOffline
    ? 'The connection is lost. Reconnecting …'
    : (last?.metadata?.note ??
      error?.message ??
      (last?.role === 'user' ? 'There is no answer yet.' : undefined))

  function send(event: FormEvent): void {
    event.preventDefault()
    if (isBusy || draft.trim() === '') return
    setDraft('')
    void chat.sendMessage({ text: draft })
  }

  /** Stops the model. Closing the connection would not: the answer goes on without this page. */
  async function stop(): Promise<void> {
    await fetch(`/api/chat/${id}/stream`, { method: 'DELETE' })
  }

  return (
    <main>
      <header>
        <h1>Chat</h1>
        <a href="/">New chat</a>
      </header>
      <div className="scroller" role="log" aria-label="Messages" tabIndex={0}>
        <div className="messages">
          {last === undefined && (
            <p className="hint">Ask something. Reload the page while the answer arrives.</p>
          )}
          {messages.map((message) => (
            <Message key={message.id} message={message} isWriting={isBusy && message === last} />
          ))}
          {status === 'submitted' && <p className="writing" aria-label="Waiting for an answer" />}
        </div>
      </div>
      <footer>
        {!isBusy && problem !== undefined && (
          <p className="problem" role="alert">
            {problem}
            {!isOffline && (
              <button type="button" onClick={() => void chat.regenerate()}>
                Retry
              </button>
            )}
          </p>
        )}
        <form onSubmit={send}>
          <input
            aria-label="Question"
            placeholder="Ask anything"
            autoComplete="off"
            value={draft}
            onChange={(event) => setDraft(event.target.value)}
          />
          {isBusy ? (
            <button type="button" onClick={() => void stop()}>
              Stop
            </button>
          ) : (
            <button className="primary">Send</button>
          )}
        </form>
      </footer>
    </main>
  )
}

function Message({ message, isWriting }: { message: ChatMessage; isWriting: boolean }): ReactNode {
  const { role, parts } = message
  const text = parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
  return (
    <article className={role} aria-label={role === 'user' ? 'You' : 'Answer'} aria-busy={isWriting}>
      <p className={isWriting ? 'writing' : undefined}>{text}</p>
    </article>
  )
}
