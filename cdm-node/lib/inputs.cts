import path = require('node:path')
import { Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { CdmError, answer, wrongType } from './errors.cjs'
import { unknown } from './options.cjs'
import { asUint8, isBytes, isRow, writeRows, writeStream } from './rows.cjs'
import type { Kind } from './normalize.cjs'
import type { Work } from './work.cjs'
import native = require('../native.js')

/**
 * A record as it comes: any object. Its members' names are the columns; values may be texts,
 * numbers, dates (read in UTC), booleans, bytes, arrays and sets of these (several values), and
 * objects and maps (columns with dotted names).
 */
export type Row = object

/** Records that come bit by bit: rows, or the bytes or text of a CSV, JSON lines or other file. */
export type Stream = AsyncIterable<Row | Uint8Array | ArrayBuffer | string>

/**
 * The records of one source: the path or `file:` URL of a CSV, JSON lines or Parquet file; rows; a
 * stream; or the bytes of a file or of an Arrow IPC stream.
 */
export type Source = string | URLLike | Uint8Array | ArrayBuffer | Iterable<Row> | Stream

/** A `file:` URL. */
export interface URLLike {
  readonly href: string
  readonly protocol: string
}

/** The records of one source, a list of several, or an object of them by the sources' names. */
export type Data = Source | readonly Source[] | { readonly [source: string]: Source }

/** The name of a column; where sources call it differently, an object of their names to its. */
export type Column = string | { readonly [source: string]: string }

/** The columns to go by, and the kinds of their values (null: found out); or the columns alone. */
export type FieldsOption = { readonly [column: string]: Kind | null } | readonly string[]

/** What may be said of the columns of data; what is not said is found out. */
export interface ColumnOptions {
  /** The column that holds the records' ids; where there is none, the numbers of the rows, from 1. */
  id?: Column | null
  /** The column that names each record's source, where one input holds several. */
  source?: Column | null
  /** The column that says when a record was last changed, which decides what survives. */
  time?: Column | null
}

export const COLUMN_OPTIONS = ['id', 'source', 'time'] as const

const DEFAULT_SOURCE = 'records'

const WANTED =
  'the path of a CSV, JSON lines or Parquet file, an array or other iterable of objects, a stream of objects or ' +
  'bytes, the bytes of a file or of Arrow IPC, an array of these, or an object of them by the names of their sources'

/** Records of the core, and what had to be changed on their way there. */
export interface Read {
  records: native.Records
  sources: string[]
  notes: string[]
}

/** Read data into records of the fields of `plan`, or of those that the columns suggest. */
export async function read(
  data: unknown,
  options: ColumnOptions & { fields?: FieldsOption | null },
  plan: native.Plan | undefined,
  work: Work,
): Promise<Read> {
  if (plan !== undefined && options.fields !== undefined && options.fields !== null) {
    const message = 'the plan says which fields there are: give `plan` or `fields`, not both'
    throw new CdmError(message, 'INVALID_DOCUMENT', { path: 'options.fields' })
  }
  const sources = named(data)
  const names = sources.map(([name]) => name)
  const columns = {
    id: bySource('id', options.id, names),
    source: bySource('source', options.source, names),
    time: bySource('time', options.time, names),
    fields: pairs(options.fields),
  }
  const inputs = new native.Inputs()
  const notes: string[] = []
  for (const [source, item] of sources) {
    const note = await add(inputs, source, item, work)
    if (note !== undefined) notes.push(note)
  }
  const records = await answer(() => inputs.read(work.job, JSON.stringify(columns), plan))
  return { records, sources: names, notes }
}

/** Take data apart into sources, each with its name. */
function named(data: unknown): [string, unknown][] {
  if (isSource(data)) return [[nameFor(data, [], 1), data]]
  if (Array.isArray(data)) {
    const sources: [string, unknown][] = []
    for (const item of data) {
      if (!isSource(item)) throw wrongType('data', WANTED, data)
      const taken = sources.map(([name]) => name)
      sources.push([nameFor(item, taken, data.length), item])
    }
    return sources
  }
  if (!isPlainObject(data)) throw wrongType('data', WANTED, data)
  const entries = Object.entries(data)
  if (entries.length === 0) throw new CdmError(`the object of sources is empty: wanted ${WANTED}`, 'EMPTY_INPUT')
  for (const [source, item] of entries) {
    if (source === '') throw new CdmError('a source has no name: its key is empty', 'INVALID_DOCUMENT')
    if (!isSource(item)) throw wrongType(`source "${source}"`, WANTED, item)
  }
  return entries
}

function isSource(item: unknown): boolean {
  if (typeof item === 'string') return true
  if (typeof item !== 'object' || item === null) return false
  if (isBytes(item) || isURL(item)) return true
  // An array of rows; what is no row among them is found when they are written.
  if (Array.isArray(item)) return item.length === 0 || (isRow(item[0]) && !isStreamLike(item[0]) && !isURL(item[0]))
  return isStreamLike(item) && !(item instanceof Map)
}

function isStreamLike(item: object): boolean {
  if (item instanceof Map) return false // a row
  const { [Symbol.asyncIterator]: slow, [Symbol.iterator]: fast } = item as Partial<AsyncIterable<unknown> & Iterable<unknown>>
  return typeof slow === 'function' || typeof fast === 'function'
}

function isURL(item: object): item is URLLike {
  return item instanceof URL
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}

function nameFor(item: unknown, taken: string[], of: number): string {
  const file = typeof item === 'string' ? item : isBytes(item) || !isURL(item as object) ? undefined : pathOf(item as URLLike)
  const fallback = of === 1 ? DEFAULT_SOURCE : `${DEFAULT_SOURCE}_${taken.length + 1}`
  const name = file === undefined ? fallback : path.parse(file).name || DEFAULT_SOURCE
  let unique = name
  for (let count = 2; taken.includes(unique); count += 1) unique = `${name}_${count}`
  return unique
}

function pathOf(url: URLLike): string {
  try {
    return fileURLToPath(url.href)
  } catch (error) {
    throw new CdmError('a URL is not of a file: wanted one that begins with file:', 'READ_FILE', { cause: error })
  }
}

async function add(inputs: native.Inputs, source: string, item: unknown, work: Work): Promise<string | undefined> {
  if (typeof item === 'string') {
    inputs.file(source, item)
    return undefined
  }
  const object = item as object
  if (isURL(object)) {
    inputs.file(source, pathOf(object))
  } else if (isBytes(object)) {
    inputs.bytes(source)
    inputs.pushBytes(asUint8(object))
  } else if (typeof (object as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function') {
    const writer = await writeStream(object as AsyncIterable<unknown>, source, inputs, work, object instanceof Interface)
    return writer?.note()
  } else {
    return (await writeRows(object as Iterable<unknown>, source, inputs, work)).note()
  }
  return undefined
}

/** By source, the column that is meant. */
function bySource(what: string, column: unknown, sources: string[]): (string | null)[] {
  if (column === undefined || column === null) return sources.map(() => null)
  if (typeof column === 'string') return sources.map(() => column)
  if (!isPlainObject(column)) {
    throw wrongType(`options.${what}`, 'the name of a column, or an object of such names by source', column)
  }
  for (const [source, name] of Object.entries(column)) {
    if (!sources.includes(source)) throw unknown('source', source, sources, `options.${what}.${source}`)
    if (typeof name !== 'string') throw wrongType(`options.${what}.${source}`, 'the name of a column', name)
  }
  return sources.map((source) => (Object.hasOwn(column, source) ? (column[source] as string) : null))
}

function pairs(fields: unknown): [string, string | null][] | null {
  if (fields === undefined || fields === null) return null
  const wanted = 'an object of columns to kinds, or an array of columns'
  if (typeof fields !== 'object') throw wrongType('options.fields', wanted, fields)
  const given: [unknown, unknown][] = Array.isArray(fields)
    ? fields.map((column) => [column, null])
    : Object.entries(fields as object)
  if (given.length === 0) {
    const message = 'options.fields names no column: wanted at least one'
    throw new CdmError(message, 'INVALID_DOCUMENT', { path: 'options.fields' })
  }
  return given.map(([column, kind]) => {
    if (typeof column !== 'string') throw wrongType('options.fields', wanted, column)
    if (kind !== null && kind !== undefined && typeof kind !== 'string') {
      throw wrongType(`options.fields.${column}`, 'a kind', kind)
    }
    return [column, kind ?? null]
  })
}

