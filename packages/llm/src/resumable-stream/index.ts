export {
  createResumableStreamContext,
  type CreateResumableStreamContextOptions,
  type ResumableStreamContext,
} from './context.ts'
