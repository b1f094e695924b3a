import { CdmError, wrongType } from './errors.cjs'
import type { Inputs } from '../native.js'
import type { Work } from './work.cjs'

/** How deep objects and arrays may lie within one another. */
const DEEPEST = 64

/** How many characters of JSON cross the border at once. */
const PIECE = 1 << 16

/** How a lone half of a surrogate pair looks in JSON; where it is text, a backslash is before it. */
const LONE = '\\ud'

/** Rows of one source into JSON, one a line. */
export class RowWriter {
  /** How many rows there were. */
  count = 0
  readonly #json = new RowJson()
  /** The members that hold whole numbers in all rows, in the first row's order. */
  #whole: string[] = []
  #lines: string[] = []
  #size = 0

  constructor(
    private readonly source: string,
    private readonly inputs: Inputs,
  ) {}

  /** Add a row. */
  add(row: unknown): void {
    const name = (): string => `row ${this.count} of source "${this.source}"`
    if (!isRow(row)) throw wrongType(name(), 'an object', row)
    const line = guarded(name, () => (this.#notePlain(row as Record<string, unknown>) ? this.#json.quick(row) : this.#json.slow(row)))
    this.count += 1
    this.#lines.push(line)
    this.#size += line.length
    if (this.#size > PIECE) this.#flush()
  }

  /** Hand over what is left. */
  finish(): void {
    if (this.count === 0) {
      throw new CdmError(`source "${this.source}" is empty: wanted at least one row`, 'EMPTY_INPUT')
    }
    this.#flush()
    this.inputs.whole(this.#whole)
  }

  #flush(): void {
    if (this.#lines.length === 0) return
    this.inputs.pushText(`${this.#lines.join('\n')}\n`)
    this.#lines = []
    this.#size = 0
  }

  /** Whether JSON says all that the row says; and which members are whole numbers. */
  #notePlain(row: Record<string, unknown>): boolean {
    let isPlain = typeof row['toJSON'] !== 'function' && !(row instanceof Map)
    let wholes = 0
    const names = Object.keys(row)
    for (const name of names) {
      const value = row[name]
      switch (typeof value) {
        case 'number':
          if (Number.isSafeInteger(value)) wholes += 1
          break
        case 'string':
        case 'boolean':
        case 'undefined':
          break
        case 'object':
          if (value !== null && !(Array.isArray(value) && value.every(isScalar))) isPlain = false
          break
        default:
          isPlain = false
      }
    }
    if (this.count === 0) this.#whole = names
    if (this.count === 0 || wholes < this.#whole.length) {
      this.#whole = this.#whole.filter((name) => {
        const value = row[name]
        return value === null || value === undefined || Number.isSafeInteger(value)
      })
    }
    return isPlain
  }

  /** What had to be changed, in a sentence. */
  note(): string | undefined {
    const { recoded } = this.#json
    if (recoded === 0) return undefined
    const count = recoded.toLocaleString('en-US')
    return `${this.source}: ${count} values hold characters that are none (lone surrogates); they were read with U+FFFD in their place`
  }
}

/** Objects into JSON, with whatever JavaScript has and JSON has not. */
class RowJson {
  /** How many texts had to be changed, since they hold halves of characters. */
  recoded = 0

  /** A row of which JSON says all. */
  quick(row: object): string {
    const json = JSON.stringify(row)
    return json.includes(LONE) ? this.slow(row) : json
  }

  /** Any row. */
  slow(row: object): string {
    return JSON.stringify(this.#plain(row, 0))
  }

  /** A value as JSON has it. */
  #plain(value: unknown, depth: number): unknown {
    if (depth > DEEPEST) {
      throw new TooDeep()
    }
    switch (typeof value) {
      case 'string':
        return this.#text(value)
      case 'number':
      case 'boolean':
        return value
      case 'bigint':
        return String(value)
      case 'object':
        return value === null ? null : this.#object(value, depth)
      default:
        return null // undefined, and what is no value: functions and symbols
    }
  }

  #object(value: object, depth: number): unknown {
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
    if (value instanceof Uint8Array) return this.#text(Buffer.from(value).toString('utf8'))
    if (value instanceof ArrayBuffer) return this.#text(Buffer.from(value).toString('utf8'))
    if (value instanceof String || value instanceof Number || value instanceof Boolean) return this.#plain(value.valueOf(), depth)
    const toJSON: unknown = (value as { toJSON?: unknown }).toJSON
    if (typeof toJSON === 'function') return this.#plain(toJSON.call(value, ''), depth + 1)
    if (value instanceof Map) return this.#members([...value], depth)
    if (Array.isArray(value) || value instanceof Set || ArrayBuffer.isView(value)) {
      const items = value instanceof DataView ? [] : [...(value as Iterable<unknown>)]
      return items.map((item) => this.#plain(item, depth + 1))
    }
    const members = Object.entries(value)
    const { toString } = value as { toString?: unknown }
    if (members.length === 0 && depth > 0 && typeof toString === 'function' && toString !== Object.prototype.toString) {
      return this.#plain(String(value), depth) // such as a decimal that keeps its digits to itself
    }
    return this.#members(members, depth)
  }

  #members(members: [unknown, unknown][], depth: number): object {
    const entries = members.map(([name, member]) => [this.#text(String(name)), this.#plain(member, depth + 1)])
    return Object.fromEntries(entries) as object
  }

  /** The text as UTF-8 can carry it. */
  #text(text: string): string {
    const whole = text.toWellFormed()
    this.recoded += whole === text ? 0 : 1
    return whole
  }
}

/** Ends the way into an object that goes round, or has no ground. */
class TooDeep extends Error {}

/** Write a row of that name, whose own code may throw. */
function guarded(name: () => string, write: () => string): string {
  try {
    return write()
  } catch (error) {
    if (error instanceof TooDeep) {
      throw new CdmError(`${name()} is nested more than ${DEEPEST} levels deep`, 'MALFORMED_INPUT')
    }
    throw new CdmError(`${name()} cannot be read: an object in it throws`, 'MALFORMED_INPUT', { cause: error })
  }
}

/** One record as JSON. */
export function recordJson(name: string, record: unknown): string {
  if (!isRow(record)) throw wrongType(name, 'an object', record)
  try {
    if (isPlain(record)) {
      const json = JSON.stringify(record)
      if (!json.includes(LONE)) return json
    }
  } catch {
    // What throws is written once more, by who knows how to say so.
  }
  return guarded(() => name, () => new RowJson().slow(record))
}

/** Whether JSON says all that a record says. */
function isPlain(record: object): boolean {
  for (const name of Object.keys(record)) {
    const value = (record as Record<string, unknown>)[name]
    if (typeof value !== 'string' && value !== undefined && !isScalar(value) && !(Array.isArray(value) && value.every(isScalar))) return false
  }
  return true
}

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null
}

/** Whether a value can be a record. */
export function isRow(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isBytes(value)
}

/** Whether a value is a piece of a file. */
export function isBytes(value: unknown): value is Uint8Array | ArrayBuffer {
  return value instanceof Uint8Array || value instanceof ArrayBuffer
}

/** Write rows that are there, in slices, so that the event loop keeps turning. */
export async function writeRows(rows: Iterable<unknown>, source: string, inputs: Inputs, work: Work): Promise<RowWriter> {
  inputs.jsonLines(source)
  const writer = new RowWriter(source, inputs)
  for (const row of rows) {
    writer.add(row)
    if (writer.count % 64 === 0 && work.isDue) await work.breathe()
  }
  writer.finish()
  return writer
}

/** Write what comes bit by bit: rows, or the bytes or text of a file; the first piece tells which. */
export async function writeStream(
  stream: AsyncIterable<unknown>,
  source: string,
  inputs: Inputs,
  work: Work,
  lineByLine: boolean,
): Promise<RowWriter | undefined> {
  const pieces = stream[Symbol.asyncIterator]()
  let writer: RowWriter | undefined
  let asFile = false
  let isOver = false
  work.atStop = () => void abandon(stream, pieces)
  try {
    for (;;) {
      const piece = await next(pieces, source)
      if (piece.done) {
        isOver = true
        break
      }
      const { value } = piece
      if (isBytes(value) || typeof value === 'string') {
        if (writer) throw wrongType(`item ${writer.count} of source "${source}"`, 'an object, as before', value)
        if (!asFile) inputs.bytes(source)
        asFile = true
        if (typeof value !== 'string') inputs.pushBytes(asUint8(value))
        else if (value.length > 0) inputs.pushText(lineByLine ? `${value}\n` : value)
      } else {
        if (asFile) throw wrongType(`a piece of source "${source}"`, 'bytes or text, as before', value)
        if (!writer) inputs.jsonLines(source)
        writer ??= new RowWriter(source, inputs)
        writer.add(value)
      }
      if (work.isDue) await work.breathe()
    }
  } finally {
    work.atStop = undefined
    if (!isOver) void abandon(stream, pieces)
  }
  if (!asFile) {
    writer ??= new RowWriter(source, inputs)
    writer.finish()
  }
  return writer
}

export function asUint8(bytes: Uint8Array | ArrayBuffer): Uint8Array {
  return bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)
}

async function next(pieces: AsyncIterator<unknown>, source: string): Promise<IteratorResult<unknown>> {
  try {
    return await pieces.next()
  } catch (error) {
    throw new CdmError(`source "${source}" cannot be read to its end: its stream failed`, 'MALFORMED_INPUT', { cause: error })
  }
}

/** Let go of a stream before its end, waiting for nothing. */
async function abandon(stream: AsyncIterable<unknown>, pieces: AsyncIterator<unknown>): Promise<void> {
  try {
    const { destroy } = stream as { destroy?: unknown }
    if (typeof destroy === 'function') destroy.call(stream)
    await pieces.return?.()
  } catch {
    // It is over for us, however it ends.
  }
}

