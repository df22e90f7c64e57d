import { compile } from '../compile.ts'
import { get, type Peer, post } from '../peer.ts'
import { startServer } from '../server-process.ts'

/** Not a hub: the cost of the kernel alone for the same work. */
export const floor: Peer = {
  name: 'floor',
  title: 'floor: send() in C',
  stored: 'nowhere',
  durability: 'none: drops what a socket cannot take, knows no topics',
  resumes: false,
  isHub: false,

  version: () => Promise.resolve('this commit'),
  start: ({ port }) => startServer({ file: compile('floor/floor.c'), args: [String(port)], ports: [port] }),
  subscribe: ({ port }, topic) => get(port, `/${topic}`),
  publish: ({ port }, topic, data) => post(port, `/${topic}`, data),
}
