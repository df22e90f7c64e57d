import { parseRule } from './retention-rule.ts'
import type { WrittenRule } from './retention-rule.ts'
import { list, optional, parseText, secret, setting, toggle } from './setting.ts'
import type { Bounds, Setting } from './setting.ts'
import type { Values } from './verb.ts'

type Named<Name extends string, T> = Readonly<Record<Name, Setting<T>>>

export type ServeSettings = Named<'host' | 'log' | 'cookie', string> &
  Named<'retain', readonly WrittenRule[]> &
  Named<
    | 'log-password-file'
    | 'node'
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
  Named<'workers', number | 'auto'> &
  Named<
    'require-durable' | 'anonymous-subscribe' | 'anonymous-publish' | 'no-multisend' | 'json-logs',
    boolean
  > &
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

/** A Node timer can wait up to 2^31 - 1 milliseconds, just under 25 days, and treats 0 as no timeout. */
const TIMER_BOUNDS: Bounds = ['1ms', '24d']

/** All settings of a hub, in the order in which its help lists them. */
export const SERVE_SETTINGS: ServeSettings = {
  host: setting('text', { fallback: '127.0.0.1', doc: 'Address to listen on.' }),
  port: setting('port', { fallback: '4242', doc: 'Port to listen on. 0 means any free port.' }),
  log: setting('text', {
    fallback: 'sqlite:./tailrace.db',
    placeholder: 'URL',
    doc: 'Where to store events: sqlite:FILE, memory: to lose them when the hub stops, or an engine that several hubs share, such as redis://HOST:6379, postgres://HOST:5432/DB, nats://HOST:4222 or kafka://HOST:9092.',
  }),
  'log-password-file': optional('file', {
    doc: 'File that contains the password for this engine. Anyone who can list processes sees a password in --log.',
  }),
  'require-durable': toggle({
    doc: 'Refuse a log whose settings could lose acknowledged events, rather than warn about them.',
  }),
  node: optional('text', {
    placeholder: 'NAME',
    doc: 'Name of this hub among those that share its log. The default is the name of the host.',
  }),
  'tls-cert': optional('file', {
    doc: 'PEM file with the certificate chain. Reloaded when it changes.',
  }),
  'tls-key': optional('file', { doc: 'PEM file with the private key of the certificate.' }),
  workers: setting('workers', {
    fallback: '1',
    doc: 'Number of processes that share the port, up to 256. auto means one per core.',
  }),
  retain: list(parseRule, {
    fallback: '**=7d',
    placeholder: 'RULE',
    doc: 'How long to keep events.',
  }),

  'jwt-secret': secret('text', {
    doc: 'Secret that tokens are signed with (HS256), at least 32 bytes.',
  }),
  'jwt-secret-file': optional('file', { doc: 'File that contains this secret.' }),
  'jwt-public-key': optional('file', {
    doc: 'PEM file with the public key of the token issuer: RSA, P-256, P-384, P-521 or Ed25519.',
  }),
  'jwks-url': optional('url', { doc: "URL of the token issuer's JSON Web Key Set." }),
  'jwt-issuer': optional('text', { doc: 'Required value of the `iss` claim of a token.' }),
  'jwt-audience': optional('text', { doc: 'Value that the `aud` claim of a token must include.' }),
  'jwt-leeway': setting('duration', {
    fallback: '30s',
    doc: 'Clock skew tolerated when checking the lifetime of a token.',
  }),
  cookie: setting('text', {
    fallback: 'tailrace',
    doc: 'Name of the cookie in which a browser may send its token.',
  }),
  'anonymous-subscribe': toggle({ doc: 'Allow anyone to subscribe without a token.' }),
  'anonymous-publish': toggle({ doc: 'Allow anyone to publish without a token.' }),
  'allow-origin': list(parseText, {
    placeholder: 'ORIGIN',
    doc: 'Origin whose pages may read from this hub, and write to it with a cookie, such as https://app.example.com. * allows pages of every origin to read.',
  }),
  'trust-proxy': list(parseText, {
    placeholder: 'NETWORK',
    doc: 'Proxies whose X-Forwarded-For header to trust, such as 10.0.0.0/8.',
  }),

  'max-connections': optional('count', {
    doc: 'Maximum open connections. The last 32 (at most an eighth) are reserved for publishes, probes, and for telling readers to try again later. The default is as many as the limit on open files (minus 64) and half of the memory allow.',
  }),
  'max-streams-per-address': setting('count', {
    fallback: '1000',
    doc: 'Maximum open streams per address. 0 means unlimited.',
  }),
  'max-streams-per-subject': setting('count', {
    fallback: '100',
    doc: 'Maximum open streams per token subject. 0 means unlimited.',
  }),
  'max-topics': setting('count', { fallback: '100', doc: 'Maximum topics per stream, up to 100.' }),
  'publish-rate': setting('count', {
    fallback: '10000',
    doc: 'Maximum events published per second per token subject, or per address if there is no subject. 0 means unlimited.',
  }),
  'publish-bytes': setting('bytes', {
    fallback: '64MiB',
    doc: 'Maximum bytes published per second, counted in the same way. 0B means unlimited.',
  }),

  heartbeat: setting('duration', {
    fallback: '15s',
    doc: 'Longest time a stream stays silent before the hub sends a comment to keep it open. 0s means never.',
  }),
  retry: setting('duration', {
    fallback: '2s',
    doc: 'How long readers wait before they reconnect. Each is sent a random value between half and one and a half times this.',
  }),
  drain: setting('duration', {
    fallback: '10s',
    doc: 'Time over which a stopping hub ends its streams, so that its readers do not all reconnect at once.',
  }),
  window: setting('bytes', {
    fallback: '1MiB',
    doc: 'Memory for the newest events, kept in one window for all readers with the same topics.',
  }),
  'window-total': setting('bytes', {
    fallback: '64MiB',
    doc: 'Memory limit for all windows combined. Readers that fall outside replay from the log.',
  }),
  'max-queued-reads': setting('count', {
    fallback: '32768',
    doc: 'Maximum reads of the log waiting for their turn, across all clients. One client may have a quarter of them.',
  }),
  batch: setting('duration', {
    fallback: '4ms',
    doc: 'How long to collect further events for a reader that was just written to, so that they leave in one write. 0ms means not at all.',
  }),
  'no-multisend': toggle({
    doc: 'Let each connection write by itself, even if @tailrace/multisend is installed.',
  }),
  'stall-timeout': setting('duration', {
    fallback: '30s',
    doc: 'How long a reader may accept no data before its connection is closed. It can resume later.',
  }),
  'max-stream-age': setting('duration', {
    fallback: '0s',
    doc: 'How long a stream stays open before its reader is asked to reconnect, varied at random by up to half. For hubs behind a load balancer, which hides readers that have vanished. 0s means no limit.',
  }),
  'max-event': setting('bytes', { fallback: '1MiB', doc: 'Maximum size of the data of an event.' }),
  'max-batch': setting('bytes', { fallback: '16MiB', doc: 'Maximum size of a batch.' }),
  'max-batch-events': setting('count', {
    fallback: '10000',
    bounds: ['1', '1000000'],
    doc: 'Maximum events in a batch.',
  }),
  'max-bodies': setting('bytes', {
    fallback: '64MiB',
    doc: 'Memory for request bodies being received, across all clients; at least four times --max-batch. One address may use at most half.',
  }),
  'max-history': setting('bytes', {
    fallback: '64MiB',
    doc: 'Memory for pages of history being sent, across all clients. One address may use at most half.',
  }),
  'max-pending': setting('bytes', {
    fallback: '64MiB',
    doc: 'Memory for connections that have not completed their TLS handshake or first request head. Beyond that, the oldest is closed.',
  }),
  'max-head': setting('bytes', {
    fallback: '16KiB',
    // Held for each connection until it is complete.
    bounds: ['1KiB', '1MiB'],
    doc: 'Maximum size of the request line and headers.',
  }),
  'head-timeout': setting('duration', {
    fallback: '10s',
    bounds: TIMER_BOUNDS,
    doc: 'Time allowed for a client to send the request line and headers.',
  }),
  'request-timeout': setting('duration', {
    fallback: '60s',
    bounds: TIMER_BOUNDS,
    doc: 'Time allowed for a client to send a complete request.',
  }),
  'json-logs': toggle({ doc: 'Write diagnostics to standard error as JSON, one object per line.' }),
}
