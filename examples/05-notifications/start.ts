import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import cookieParser from 'cookie-parser'
import express from 'express'
import { serve } from '@tailrace/http/node'
import { createHub } from '@tailrace/hub'

const USERS = ['ann', 'bob']
const MAX_TEXT_LENGTH = 1_000
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

const hub = await createHub({
  log: process.env['LOG'] ?? 'sqlite:notifications.db',
  retryMs: Number(process.env['RETRY_MS'] ?? 1_000),
})
const app = express()
// The session is a signed cookie, so it survives a restart of the server.
app.use(cookieParser(process.env['SECRET'] ?? 'a secret for this demo only'))
app.use(express.json(), express.urlencoded())

// Browsers send cookies with the requests of other sites' pages too, and say so. Such a page may not act for the user.
app.use((req, res, next) => {
  const site = req.get('Sec-Fetch-Site') ?? 'same-origin'
  if (req.method === 'GET' || site === 'same-origin') next()
  else res.sendStatus(403)
})

app.get('/', (_, res) => res.sendFile('index.html', { root: import.meta.dirname }))

app.get('/session', (req, res) => res.json({ user: req.signedCookies['user'] || null, users: USERS }))

app.post('/session', async (req, res) => {
  const user = req.body?.user
  // The streams of the session before end. A page of it that is still open connects again, and is refused.
  const before = `users/${req.signedCookies['user']}`
  await hub.revoke(({ selectors }) => selectors.includes(before))
  // A real application would check a password here.
  if (USERS.includes(user)) res.cookie('user', user, { signed: true, httpOnly: true, sameSite: 'lax' })
  else res.clearCookie('user')
  res.redirect(303, '/')
})

// Everything under /users/<name> is for that user only.
app.use('/users/:user', (req, res, next) => {
  if (req.signedCookies['user'] === req.params.user) next()
  else res.sendStatus(403)
})

// First the notifications that are unread, then everything that changes. The topic is the authorization.
app.get('/users/:user/notifications', (req, res) =>
  serve(hub, req, res, { topics: [`users/${req.params.user}`], snapshot: true, gap: 'snapshot' }),
)

// Removes the key, so that a later snapshot does not contain the notification. Open pages receive this event.
app.post('/users/:user/notifications/:id/read', async (req, res) => {
  const { user, id } = req.params
  if (!UUID.test(id)) {
    res.sendStatus(404)
    return
  }
  await hub.publish(`users/${user}`, { type: 'read', key: id, remove: true, data: { id } })
  res.sendStatus(204)
})

// Sends a notification to any user.
app.post('/users/:user/sent', async (req, res) => {
  const { to, text } = req.body ?? {}
  if (!USERS.includes(to) || typeof text !== 'string' || text === '' || text.length > MAX_TEXT_LENGTH) {
    res.sendStatus(400)
    return
  }
  const id = randomUUID()
  const data = { id, from: req.params.user, text, at: Date.now() }
  await hub.publish(`users/${to}`, { type: 'notification', key: id, data })
  res.sendStatus(201)
})

const server = app.listen(Number(process.env['PORT'] ?? 4285), '127.0.0.1', () => {
  console.log(`Open http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
