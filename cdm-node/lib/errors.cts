/** Where an error is, and what was probably meant. */
export interface CdmErrorDetails {
  /** The field of a schema, or the column of an input, that it is about. */
  field?: string | undefined
  /** The record that it is about, as `source:id`. */
  recordId?: string | undefined
  /** The place in a document or in the options, such as `rules[0].same[1]`. */
  path?: string | undefined
  /** What was probably meant. */
  suggestion?: string | undefined
  /** What lies beneath: the operating system's words, or what a stream of yours threw. */
  cause?: unknown
}

/**
 * What went wrong, where, and what was wanted instead.
 *
 * `code` is a stable name such as `"UNKNOWN_CHOICE"`: the same in Rust, Python and Node, and it does
 * not change when the message does. A message never holds a person's data.
 */
export class CdmError extends Error {
  /** The stable name of this kind of error. */
  readonly code: string
  /** The field of a schema, or the column of an input, that it is about. */
  readonly field?: string
  /** The record that it is about, as `source:id`. */
  readonly recordId?: string
  /** The place in a document or in the options, such as `rules[0].same[1]`. */
  readonly path?: string
  /** What was probably meant. */
  readonly suggestion?: string

  constructor(message: string, code: string, details: CdmErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    for (const name of ['field', 'recordId', 'path', 'suggestion'] as const) {
      const detail = details[name]
      if (detail !== undefined) this[name] = detail
    }
  }
}
Object.defineProperty(CdmError.prototype, 'name', { value: 'CdmError', configurable: true, writable: true })

/** What `src/error.rs` tells of an error. */
interface Told {
  code: string
  message: string
  field?: string
  record?: string
  path?: string
  suggestion?: string
  cause?: string
}

/** What the core threw, as a `CdmError`; anything else as it is. */
export function translated(error: unknown): unknown {
  if (!(error instanceof Error) || !error.message.startsWith('{"code":')) return error
  let told: Told
  try {
    told = JSON.parse(error.message) as Told
  } catch {
    return error
  }
  const { code, message, field, record, path, suggestion } = told
  const cause = told.cause === undefined ? undefined : new Error(told.cause)
  return new CdmError(message, code, { field, recordId: record, path, suggestion, cause })
}

/** Call the core, whose errors become `CdmError`s. */
export function call<T>(core: () => T): T {
  try {
    return core()
  } catch (error) {
    throw translated(error)
  }
}

/** Await the core, whose rejections become `CdmError`s. */
export async function answer<T>(core: () => Promise<T>): Promise<T> {
  try {
    return await core()
  } catch (error) {
    throw translated(error)
  }
}

/** That an argument is of the wrong type. Its message never quotes the value. */
export function wrongType(name: string, wanted: string, got: unknown): TypeError {
  const error = new TypeError(`${name}: wanted ${wanted}, got ${kindOf(got)}`)
  return Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' })
}

/** What a value is, in words, without the value. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value !== 'object') return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`
  if (Array.isArray(value)) {
    return value.length === 0 ? 'an empty array' : `an array of ${kindOf(value[0]).replace(/^an? /, '')}`
  }
  const name = nameOf(value)
  if (name === 'Promise') return 'a Promise (is an await missing?)'
  return name === undefined || name === 'Object' ? 'an object' : `a ${name}`
}

function nameOf(value: object): string | undefined {
  try {
    return (Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null)?.constructor?.name
  } catch {
    return undefined // a revoked proxy
  }
}
