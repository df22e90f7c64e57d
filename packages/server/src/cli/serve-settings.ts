import { parseRule } from './retain.ts'
import type { WrittenRule } from './retain.ts'
import { list, optional, parseText, secret, setting, toggle } from './setting.ts'
import type { Bounds, Setting } from './setting.ts'
import type { Values } from './verb.ts'

type Named<Name extends string, T> = Readonly<Record<Name, Setting<T>>>

export type ServeSettings = Named<'host' | 'log' | 'cookie', string> &
  Named<'retain', readonly WrittenRule[]> &
  Named<
    | 'tls-cert'
    | 'tls-key'
    | 'jwt-secret'
    | 'jwt-secret-file'
    | 'jwt-public-key'
    | 'jwks-url'
    | 'jwt-issuer'
    | 'jwt-audience',
    string | undefined
  > &
  Named<'max-connections', number | undefined> &
  Named<'anonymous-subscribe' | 'anonymous-publish' | 'json-logs', boolean> &
  Named<'allow-origin' | 'trust-proxy', readonly string[]> &
  Named<
    | 'port'
    | 'max-streams-per-address'
    | 'max-streams-per-subject'
    | 'max-topics'
    | 'publish-rate'
    | 'max-batch-events'
    | 'max-queued-reads',
    number
  > &
  /** Bytes. */
  Named<
    | 'window'
    | 'window-total'
    | 'max-event'
    | 'max-batch'
    | 'max-bodies'
    | 'max-history'
    | 'max-pending'
    | 'max-head'
    | 'publish-bytes',
    number
  > &
  /** Milliseconds. */
  Named<
    | 'heartbeat'
    | 'retry'
    | 'drain'
    | 'batch'
    | 'stall-timeout'
    | 'max-stream-age'
    | 'head-timeout'
    | 'request-timeout'
    | 'jwt-leeway',
    number
  >

export type ServeValues = Values<ServeSettings>

/** What a timer of Node can wait: 2^31 - 1 milliseconds are not quite 25 days, and none are taken for no timeout. */
const TIMER_BOUNDS: Bounds = ['1ms', '24d']

/** What a hub can be told, in the order that its help has it. */
export const SERVE_SETTINGS: ServeSettings = {
  host: setting('text', { fallback: '127.0.0.1', doc: 'The address to listen on.' }),
  port: setting('port', { fallback: '4242', doc: 'The port to listen on; 0 takes a free one.' }),
  log: setting('text', {
    fallback: 'sqlite:./tailrace.db',
    placeholder: 'URL',
    doc: 'Where events are kept: sqlite:FILE, or memory: for a hub that forgets.',
  }),
  'tls-cert': optional('file', {
    doc: 'A PEM file with the certificate and those above it; read again when it changes.',
  }),
  'tls-key': optional('file', { doc: 'A PEM file with its private key.' }),
  retain: list(parseRule, {
    fallback: '**=7d',
    placeholder: 'RULE',
    doc: 'How long events are kept.',
  }),

  'jwt-secret': secret('text', {
    doc: 'The secret that tokens are signed with (HS256): at least 32 bytes.',
  }),
  'jwt-secret-file': optional('file', { doc: 'A file with that secret.' }),
  'jwt-public-key': optional('file', {
    doc: 'A PEM file with the public key of who signs tokens: RSA, P-256, P-384, P-521 or Ed25519.',
  }),
  'jwks-url': optional('url', { doc: 'Where who signs tokens has its public keys.' }),
  'jwt-issuer': optional('text', { doc: 'What `iss` of a token must be.' }),
  'jwt-audience': optional('text', { doc: 'What `aud` of a token must have.' }),
  'jwt-leeway': setting('duration', {
    fallback: '30s',
    doc: 'How far the clocks of the hub and of who signs may be apart.',
  }),
  cookie: setting('text', { fallback: 'tailrace', doc: 'The cookie in which a browser may have its token.' }),
  'anonymous-subscribe': toggle({ doc: 'Who has no token may read everything.' }),
  'anonymous-publish': toggle({ doc: 'Who has no token may publish everything.' }),
  'allow-origin': list(parseText, {
    placeholder: 'ORIGIN',
    doc: 'Whose pages may read here, such as https://app.example.com, and write with a cookie; * lets all read.',
  }),
  'trust-proxy': list(parseText, {
    placeholder: 'NETWORK',
    doc: 'Proxies whose X-Forwarded-For counts, such as 10.0.0.0/8.',
  }),

  'max-connections': optional('count', {
    doc: 'Maximum number of open connections. The last 32 (at most an eighth) are kept for publishes, probes, and for telling readers to come back later. The default is what the limit of open files (less 64) and half of the memory allow.',
  }),
  'max-streams-per-address': setting('count', {
    fallback: '1000',
    doc: 'The most streams that one address may have open; 0 sets no bound.',
  }),
  'max-streams-per-subject': setting('count', {
    fallback: '100',
    doc: 'The most streams that the tokens of one subject may have open; 0 sets no bound.',
  }),
  'max-topics': setting('count', { fallback: '100', doc: 'The most topics on one stream.' }),
  'publish-rate': setting('count', {
    fallback: '10000',
    doc: 'The most events a second that one subject, or who has none: one address, may publish; 0 sets no bound.',
  }),
  'publish-bytes': setting('bytes', {
    fallback: '64MiB',
    doc: 'The most bytes a second that it may publish; 0B sets no bound.',
  }),

  heartbeat: setting('duration', {
    fallback: '15s',
    doc: 'The longest that a stream stays silent; then a comment holds it open. 0s turns it off.',
  }),
  retry: setting('duration', {
    fallback: '2s',
    doc: 'How long readers wait before they reconnect. Each is told between half and one and a half of it.',
  }),
  drain: setting('duration', {
    fallback: '10s',
    doc: 'How long a hub that is told to stop takes to end its streams, so that not all readers reconnect at once.',
  }),
  window: setting('bytes', {
    fallback: '1MiB',
    doc: 'How much of its newest events each group of readers with the same topics shares in memory.',
  }),
  'window-total': setting('bytes', {
    fallback: '64MiB',
    doc: 'How much all these groups may hold in memory together. Who then finds it gone reads it from the log.',
  }),
  'max-queued-reads': setting('count', {
    fallback: '32768',
    doc: 'Maximum reads of the log waiting for their turn, over all clients; one client may have a quarter of them.',
  }),
  batch: setting('duration', {
    fallback: '4ms',
    doc: 'How long readers that were just written to wait for more events, which then leave in one write. 0ms turns it off.',
  }),
  'stall-timeout': setting('duration', {
    fallback: '30s',
    doc: 'How long a reader may take nothing; then it is cut, and resumes when it can.',
  }),
  'max-stream-age': setting('duration', {
    fallback: '0s',
    doc: 'How long a stream stays open before its reader is told to reconnect, give or take half of it. For hubs behind a load balancer, which hides readers that have vanished. 0s means for ever.',
  }),
  'max-event': setting('bytes', { fallback: '1MiB', doc: 'The largest event.' }),
  'max-batch': setting('bytes', { fallback: '16MiB', doc: 'The largest batch.' }),
  'max-batch-events': setting('count', {
    fallback: '10000',
    bounds: ['1', '1000000'],
    doc: 'Maximum events in a batch.',
  }),
  'max-bodies': setting('bytes', {
    fallback: '64MiB',
    doc: 'Memory for request bodies that are being received, over all clients; at least four times --max-batch. One address gets at most half.',
  }),
  'max-history': setting('bytes', {
    fallback: '64MiB',
    doc: 'Memory for pages of history that are being sent, over all clients. One address gets at most half.',
  }),
  'max-pending': setting('bytes', {
    fallback: '64MiB',
    doc: 'Memory for connections that have not completed their TLS handshake or first request head. Beyond it, the oldest is cut.',
  }),
  'max-head': setting('bytes', {
    fallback: '16KiB',
    // Held for each connection until it is whole.
    bounds: ['1KiB', '1MiB'],
    doc: 'The largest request line and headers.',
  }),
  'head-timeout': setting('duration', {
    fallback: '10s',
    bounds: TIMER_BOUNDS,
    doc: 'The longest that a client may take to send them.',
  }),
  'request-timeout': setting('duration', {
    fallback: '60s',
    bounds: TIMER_BOUNDS,
    doc: 'The longest that a client may take to send a whole request.',
  }),
  'json-logs': toggle({ doc: 'What is told on standard error is a JSON object a line.' }),
}
