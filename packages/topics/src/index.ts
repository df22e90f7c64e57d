export const PLACEHOLDER = 'topics'
