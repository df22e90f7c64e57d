export { follow, type FollowOptions } from './follow/follow.ts'
