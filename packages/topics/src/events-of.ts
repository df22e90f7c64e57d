import type { DataOf, TopicDefinition, TypeOf } from './definition.ts'

/** A value after `JSON.stringify` and `JSON.parse`: a `Date` is a string. */
export type Json<Value> = 0 extends 1 & Value
  ? Value
  : Value extends string | number | boolean | null | undefined
    ? Value
    : Value extends { toJSON(): infer Text }
      ? Json<Text>
      : Value extends object
        ? { [Name in keyof Value]: Json<Value[Name]> }
        : Value

/**
 * The events that a reader of topics receives: the type of `data` for each event type, as `subscribe` and `connect` of
 * `@tailrace/client` accept it. It is a type only, so `import type` the definition, and no schema is bundled.
 *
 * With several patterns, an event type that occurs in more than one has the data of any of them.
 */
export type EventsOf<
  Topics extends { readonly definition: TopicDefinition },
  Pattern extends keyof Topics['definition'] & string = keyof Topics['definition'] & string,
> = {
  readonly [Type in TypeOf<Topics['definition'], Pattern>]: Json<DataOf<Topics['definition'], Pattern, Type>>
}
