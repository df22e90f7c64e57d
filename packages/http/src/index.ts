export {
  HttpError,
  STATUS,
  type HttpErrorCode,
  type HttpErrorInit,
  type ProblemCode,
  type ProblemDetails,
} from './errors.ts'
