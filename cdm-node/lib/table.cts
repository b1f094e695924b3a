import { answer, wrongType } from './errors.cjs'
import type { Batches } from '../native.js'

/** How many rows become objects at once: a moment's work for the event loop. */
const ROWS_AT_ONCE = 256

/**
 * A result in rows, made off the event loop when it is first asked for.
 *
 * `for await (const row of table)` goes through it some hundred rows at a time, so that the event loop
 * keeps turning; `toArray()` holds all of them; `toArrow()` hands the columns over as they are.
 */
export class Table<R> implements AsyncIterable<R> {
  readonly #make: () => Promise<Batches>
  #made: Promise<Batches> | undefined

  /** @internal */
  constructor(make: () => Promise<Batches>) {
    this.#make = make
  }

  #batches(): Promise<Batches> {
    if (this.#made === undefined) {
      this.#made = answer(this.#make)
      // What failed once may be asked for again.
      this.#made.catch(() => (this.#made = undefined))
    }
    return this.#made
  }

  /** @internal Let go of what was made. */
  _forget(): void {
    this.#made = undefined
  }

  /** How many rows there are. */
  async count(): Promise<number> {
    return (await this.#batches()).length
  }

  /** The names of the rows' members, in order. */
  async columnNames(): Promise<string[]> {
    return (await this.#batches()).columnNames
  }

  /** The rows one by one, in order. */
  async *[Symbol.asyncIterator](): AsyncGenerator<R, void, undefined> {
    for await (const rows of this.chunks(ROWS_AT_ONCE)) yield* rows
  }

  /** The rows in arrays of `size`, the last of which may be shorter. */
  async *chunks(size: number): AsyncGenerator<R[], void, undefined> {
    if (!Number.isSafeInteger(size) || size < 1) {
      throw wrongType('size', 'a whole number of at least 1', size)
    }
    const batches = await this.#batches()
    const [total, names] = [batches.length, batches.columnNames]
    // The next is written while this one is worked on.
    const ask = (start: number): Promise<string> | undefined => {
      if (start >= total) return undefined
      const json = batches.json(start, Math.min(start + size, total))
      json.catch(() => {})
      return json
    }
    let ahead = ask(0)
    for (let start = 0; ahead !== undefined; start += size) {
      const json = ahead
      ahead = ask(start + size)
      yield rowsOf<R>(names, JSON.parse(await answer(() => json)) as unknown[][])
    }
  }

  /** All rows, or the first `limit` of them. */
  async toArray(options: { limit?: number } = {}): Promise<R[]> {
    const limit = options?.limit ?? Infinity
    if (typeof limit !== 'number' || Number.isNaN(limit) || limit < 0) throw wrongType('options.limit', 'a number of at least 0', limit)
    const all: R[] = []
    if (limit === 0) return all
    for await (const rows of this.chunks(Math.max(1, Math.min(ROWS_AT_ONCE, Math.ceil(limit))))) {
      for (const row of rows) {
        if (all.length >= limit) return all
        all.push(row)
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
    return all
  }

  /**
   * The table as the bytes of an Arrow IPC stream, for `tableFromIPC` of `apache-arrow` and others.
   * Its columns have the names that they have in every language, such as `entity_id`.
   */
  async toArrow(): Promise<Uint8Array> {
    const batches = await this.#batches()
    return answer(() => batches.ipc())
  }
}

/** Columns as rows: sooner than a JSON object for each, with every name in it. */
function rowsOf<R>(names: readonly string[], columns: readonly (readonly unknown[])[]): R[] {
  const count = columns[0]?.length ?? 0
  if (names.includes('__proto__')) {
    // A field may be called so, and assigning to it would make no member.
    const row = (place: number): R => Object.fromEntries(names.map((name, column) => [name, columns[column]![place]])) as R
    return Array.from({ length: count }, (_, place) => row(place))
  }
  const rows = new Array<R>(count)
  for (let place = 0; place < count; place += 1) {
    const row: Record<string, unknown> = {}
    for (let column = 0; column < names.length; column += 1) row[names[column]!] = columns[column]![place]
    rows[place] = row as R
  }
  return rows
}
