import { ClientError } from './errors.ts'
import type { EventMap } from './items.ts'

/** Converts the text of an event to its `data`. @throws ClientError `invalid-event` */
export type Decode = (type: string, text: string) => unknown

/** A schema of any library that implements https://standardschema.dev, version 1. */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] }

/** For `decode`: the data of every event is JSON. */
export function json(type: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const details = { type, text }
    throw new ClientError('invalid-event', `The data of a ${type} event is not JSON`, { details, cause })
  }
}

/** For `decode`: the data of every event is base64 (RFC 4648, section 4). */
export function base64(type: string, text: string): Uint8Array<ArrayBuffer> {
  try {
    const binary = atob(text)
    const bytes = new Uint8Array(binary.length)
    for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i)
    return bytes
  } catch (cause) {
    const details = { type, text }
    throw new ClientError('invalid-event', `The data of a ${type} event is not base64`, { details, cause })
  }
}

/** For `decode`: JSON that is validated by the schema for its type. The data of types without a schema is not validated. */
export function validated<Events extends EventMap>(schemas: {
  readonly [Type in keyof Events]: StandardSchema<Events[Type]>
}): Decode {
  return async (type, text) => {
    const value = json(type, text)
    const result = await (schemas as Record<string, StandardSchema>)[type]?.['~standard'].validate(value)
    if (result?.issues === undefined) return result === undefined ? value : result.value
    const issues = result.issues.map(({ message }) => message).join('; ')
    const details = { type, text }
    throw new ClientError('invalid-event', `The data of a ${type} event is invalid: ${issues}`, { details })
  }
}
