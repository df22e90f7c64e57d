/** The origin that every application here allows. */
export const ORIGIN = 'https://app.example'
export const HEARTBEAT_MS = 300
