/** Normative sentences that no case has, because nothing observes whether they are kept. */
export const UNTESTABLE: readonly { section: string; sentence: string; reason: string }[] = [
  {
    section: '9.2.2',
    sentence: 'set request\'s client to settings; its initiator type to "other"',
    reason: 'Only other parts of a browser see it: its policies, its service workers and its timeline.',
  },
  {
    section: '9.2.2',
    sentence: '[Exposed=(Window,Worker)]',
    reason: 'A package is wherever it is imported.',
  },
  {
    section: '9.2.2',
    sentence: 'a reconnection time, initially probably in the region of a few seconds',
    reason: 'It is for the implementation to choose; to measure it takes as long.',
  },
  {
    section: '9.2.3',
    sentence: 'optionally, wait some more; wait for the operating system to have a network',
    reason: 'Permitted, not required.',
  },
  {
    section: '9.2.3',
    sentence: 'the task source is the remote event task source',
    reason: 'The order among task sources is for the browser to choose.',
  },
  {
    section: '9.2.8',
    sentence: 'connectionless push: a network proxy may hold the connection for the user agent',
    reason: 'It is outside of the scope of the specification itself.',
  },
  {
    section: '9.2.9',
    sentence: 'a strong reference while there are listeners or queued tasks',
    reason: 'An object that is collected has no script left to notice. Runtimes collect when they like.',
  },
  {
    section: '9.2.9',
    sentence: 'forcibly close when a document goes away permanently',
    reason: 'The script goes away with it, and Node has no documents.',
  },
]
