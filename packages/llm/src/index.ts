export const PLACEHOLDER = 'llm'
