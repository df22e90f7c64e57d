import type { Metadata } from 'next'
import type { ReactNode } from 'react'
import './chat.css'

export const metadata: Metadata = { title: 'Chat', icons: 'data:,' }

export default function Layout({ children }: { children: ReactNode }): ReactNode {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  )
}
