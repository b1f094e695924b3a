/// <reference lib="esnext.disposable" preserve="true" />
import { answered } from './answers.cjs'
import { answer, call, wrongType } from './errors.cjs'
import type { Answer } from './explanations.cjs'
import { type FilePath, pathOf, whole } from './files.cjs'
import { Model } from './model.cjs'
import type { Status } from './normalize.cjs'
import { camelKeys, count, known, most } from './options.cjs'
import type { GoldenRecord, LooseRecord, RecordKey, ScoreWithLevels, StoredRecord } from './results.cjs'
import { recordJson } from './rows.cjs'
import { WORK_OPTIONS, type WorkOptions, type Work, work } from './work.cjs'
import native = require('../native.js')

/** A record in a store: its source and id. */
export type StoreKey = readonly [source: string, id: string | number] | { readonly source: string; readonly id: string | number }

/** How a store works. */
export interface StoreOptions {
  /** The model that resolves it; where left out, the one that the store has already. */
  model?: Model | null
  /**
   * When a change is on the disk: when its promise is kept (`"everyCall"`, the default), within some
   * milliseconds, many changes sharing one write (`{ withinMs: 20 }`), or when `flush` or `close` are (`"byHand"`).
   */
  durability?: 'everyCall' | 'byHand' | { withinMs: number } | null
  /** 32 bytes that encrypt what the store holds; they must be the same whenever it is opened. */
  key?: Uint8Array | null
  /**
   * Of how many records at least, those that were asked for last, what they are told apart by is kept in memory, at about
   * a kilobyte each, and of up to twice as many; a million where left out. A candidate that is not among them is read and
   * normalised.
   */
  cachedRecords?: number | null
  /** How many bytes of the index and of the keys are kept in memory at most; 2 GiB where left out. */
  cachedBytes?: number | null
}

/** An entity and its records. */
export interface Entity {
  id: string
  records: RecordKey[]
}

/** A value of a record, as it lies in the lineage of an entity. */
export interface Contribution extends RecordKey {
  time: string | null
  /** The value as it came. */
  raw: string
  status: Status
  issues: string[]
}

/** Where the values of a golden record came from: by field, those that survived and those that lost. */
export interface GoldenLineage {
  entityId: string
  fields: {
    [field: string]: {
      strategy: string
      /** Each with the record that it is from, and those that agree with it. */
      values: { value: string; from: Contribution; agreed: Contribution[] }[]
      lost: Contribution[]
    }
  }
}

/** An entity that a record may be of. */
export interface Hit extends ScoreWithLevels {
  entity: string
  /** The record of it that is most like. */
  record: RecordKey
}

/** A record as events name it; `key` is null once it was forgotten. */
export interface EventRecord {
  number: number
  key: RecordKey | null
}

/** What changed. */
export type Change =
  | { type: 'created'; entity: string; records: EventRecord[] }
  | { type: 'joined'; entity: string; record: EventRecord }
  | { type: 'left'; entity: string; record: EventRecord }
  | { type: 'merged'; entity: string; absorbed: string[] }
  | { type: 'split'; entity: string; parts: { entity: string; records: EventRecord[] }[] }
  | { type: 'deleted'; entity: string }
  | { type: 'revised'; revision: number; reason: 'adopted' | { hotKey: { rule: string; records: number } } }
  | { type: 'goldenChanged'; entity: string }

/** One change of a store, numbered from 1 without a gap. */
export type StoreEvent = { sequence: number } & Change

/** How much is in a store. */
export interface Stats {
  records: number
  entities: number
  events: number
  revision: number
  hotKeys: number
  links: number
  keys: number
  cellBytes: number
  garbageBytes: number
}

/** What another model changes. */
export interface Adoption {
  records: number
  entitiesBefore: number
  entitiesAfter: number
  unchanged: number
  split: number
  merged: number
}

/** What a look at everything found. */
export interface Verification {
  records: number
  entities: number
  /** What does not fit, each a sentence; empty where all is well. */
  problems: string[]
}

const STORE_OPTIONS = ['model', 'durability', 'key', 'cachedRecords', 'cachedBytes'] as const

/** The source of records that name none. */
const DEFAULT_SOURCE = 'records'

/** How many events are taken at once, and how long one waits for them before looking up, in ms. */
const EVENTS_AT_ONCE = 1000
const WAIT_MS = 200

/**
 * A live population of records, resolved by one model: after whatever happened, its entities are those
 * that `model.resolve` makes of the records that are in it.
 *
 * Changes are promises, and are done in the order in which they are asked for; looking is done on the
 * spot, from a consistent snapshot. One `Store` at a time has a path open.
 */
export class Store {
  readonly #inner: native.Store
  readonly #watching = new Set<Promise<unknown>>()
  #compacting: Promise<unknown> | undefined
  #isClosed = false

  private constructor(inner: native.Store) {
    this.#inner = inner
  }

  /** Open the store at `path`, a folder; where there is nothing, begin one that the model resolves. */
  static async open(path: FilePath, options?: StoreOptions | null): Promise<Store> {
    const said = known(options, STORE_OPTIONS)
    const where = pathOf(path)
    const model = said.model == null ? undefined : modelOf(said.model, 'options.model')
    const told = storeOptions(said)
    return new Store(await answer(() => native.Store.open(where, model, told)))
  }

  /** A store that is gone when it is closed; else the same. */
  static async inMemory(model: Model, options?: Omit<StoreOptions, 'model'> | null): Promise<Store> {
    const said = known<StoreOptions>(options, STORE_OPTIONS.slice(1))
    const told = storeOptions(said)
    return new Store(await answer(() => native.Store.inMemory(modelOf(model, 'model'), told)))
  }

  /**
   * Take a record in, new or changed, and say which entity it is of. Its members are the plan's fields, as
   * for `model.score`, with its `id`, perhaps its `source` (`records` where left out) and `time`.
   */
  async upsert<R extends LooseRecord<R>>(record: R): Promise<string> {
    const json = recordJson('record', sourced(record))
    return answer(() => this.#inner.upsert(json))
  }

  /**
   * Take many records in; how many were new or changed. Into an empty store all are taken in or none, as
   * fast as in batch; else some hundreds at a time are, and those before an error are in.
   */
  async upsertMany<R extends LooseRecord<R>>(
    records: Iterable<R> | AsyncIterable<R>,
    options?: WorkOptions | null,
  ): Promise<number> {
    const said = known(options, WORK_OPTIONS)
    return work(said, async (piece) => {
      const inputs = await pushed(records, piece)
      return answer(() => this.#inner.upsertMany(piece.job, inputs))
    })
  }

  /** Take a record out; whether it was there. The log keeps its key. */
  async delete(key: StoreKey): Promise<boolean> {
    const [source, id] = keyOf(key)
    return answer(() => this.#inner.remove(source, id, false))
  }

  /** Take a record out and erase it: none of its values, nor its key, is in the files afterwards. */
  async forget(key: StoreKey): Promise<boolean> {
    const [source, id] = keyOf(key)
    return answer(() => this.#inner.remove(source, id, true))
  }

  /** Say that two records are one customer, whether they are there yet or not; whether that was news. */
  async mustLink(one: StoreKey, other: StoreKey): Promise<boolean> {
    return this.#decide(one, other, true, false)
  }

  /** Say that two records are not one customer; whether that was news. */
  async cannotLink(one: StoreKey, other: StoreKey): Promise<boolean> {
    return this.#decide(one, other, false, false)
  }

  /** Take back what was said with `mustLink`; whether it had been. */
  async withdrawMustLink(one: StoreKey, other: StoreKey): Promise<boolean> {
    return this.#decide(one, other, true, true)
  }

  /** Take back what was said with `cannotLink`; whether it had been. */
  async withdrawCannotLink(one: StoreKey, other: StoreKey): Promise<boolean> {
    return this.#decide(one, other, false, true)
  }

  #decide(one: StoreKey, other: StoreKey, same: boolean, withdraw: boolean): Promise<boolean> {
    const [left, right] = [keyOf(one), keyOf(other)]
    return answer(() => this.#inner.decide(left, right, same, withdraw))
  }

  /** Who a record, perhaps of a few fields only, may be: the likeliest entities first. Nothing is stored. */
  search<R extends LooseRecord<R>>(record: R, options?: { limit?: number } | null): Hit[] {
    const { limit = 5 } = known(options, ['limit'])
    const json = recordJson('record', record)
    const hits = camelKeys(JSON.parse(call(() => this.#inner.search(json, most('options.limit', limit)))))
    return (hits as ({ entity: string; record: RecordKey; score?: ScoreWithLevels } & Hit)[]).map(({ score, ...hit }) => ({ ...hit, ...score }))
  }

  /** A record as it was given; null where there is none. */
  get(key: StoreKey): StoredRecord | null {
    const [source, id] = keyOf(key)
    const json = call(() => this.#inner.getRecord(source, id))
    return json == null ? null : (JSON.parse(json) as StoredRecord)
  }

  /** The entity of a record; null where there is no such record. */
  entityOf(key: StoreKey): string | null {
    const [source, id] = keyOf(key)
    return call(() => this.#inner.entityOf(source, id)) ?? null
  }

  /** The entity of that id; where it is no more, those that have its records now. */
  entity(id: string): Entity[] {
    return JSON.parse(call(() => this.#inner.entity(entityId(id)))) as Entity[]
  }

  /** The golden record of an entity, or of the one that has its records now; null where those are none or several. */
  golden(id: string): GoldenRecord | null {
    const json = call(() => this.#inner.golden(entityId(id)))
    return json == null ? null : (JSON.parse(json) as GoldenRecord)
  }

  /** Where each value of an entity's golden record came from, and what lost; null where `golden` is. */
  lineage(id: string): Answer<GoldenLineage> | null {
    const json = call(() => this.#inner.lineage(entityId(id)))
    return json == null ? null : answered<GoldenLineage>(json)
  }

  /** The events after number `since`, in order. */
  events(since = 0, options?: { limit?: number } | null): StoreEvent[] {
    const { limit = 10_000 } = known(options, ['limit'])
    return eventsOf(call(() => this.#inner.events(count('since', since), most('options.limit', limit))))
  }

  /**
   * The events after number `since`, and those to come, until the signal or `close` end it. Whoever keeps
   * the last `sequence` that was dealt with misses none, whatever happens to the process.
   */
  async *subscribe(options?: { since?: number; signal?: WorkOptions['signal'] } | null): AsyncGenerator<StoreEvent, void, undefined> {
    const { since: start = 0, signal } = known(options, ['since', 'signal'])
    let since = count('options.since', start)
    while (!this.#isClosed) {
      if (signal?.aborted) throw signal.reason
      if (this.#compacting) {
        await this.#compacting
        continue
      }
      const asked = answer(() => this.#inner.nextEvents(since, EVENTS_AT_ONCE, WAIT_MS))
      this.#watching.add(asked)
      const over = (): boolean => this.#watching.delete(asked)
      asked.then(over, over)
      for (const event of eventsOf(await work({ signal: signal ?? null }, () => asked))) {
        if (signal?.aborted) throw signal.reason
        since = event.sequence
        yield event
      }
    }
  }

  /** How much there is. */
  stats(): Stats {
    return camelKeys(JSON.parse(call(() => this.#inner.stats()))) as Stats
  }

  /** The model that the store is resolved by, with the keys that have grown hot. */
  async model(): Promise<Model> {
    return Model._of(await answer(() => this.#inner.model()))
  }

  /** What `adopt` would change. */
  async preview(model: Model, options?: WorkOptions | null): Promise<Adoption> {
    return this.#adopt(model, options, true)
  }

  /** Resolve all records by another model from now on; entities keep their ids as far as they stay. */
  async adopt(model: Model, options?: WorkOptions | null): Promise<Adoption> {
    return this.#adopt(model, options, false)
  }

  #adopt(model: Model, options: WorkOptions | null | undefined, preview: boolean): Promise<Adoption> {
    const inner = modelOf(model, 'model')
    return work(known(options, WORK_OPTIONS), async (piece) => {
      return camelKeys(JSON.parse(await answer(() => this.#inner.adopt(piece.job, inner, preview)))) as Adoption
    })
  }

  /** Copy the store, as it is at one moment and without garbage, to a path where nothing is yet. */
  async backup(path: FilePath, options?: WorkOptions | null): Promise<void> {
    const where = pathOf(path)
    await work(known(options, WORK_OPTIONS), (piece) => answer(() => this.#inner.backup(piece.job, where)))
  }

  /**
   * Make the files of the store as small as can be; one in memory has none. Changes wait until that is done,
   * `subscribe` as well; whatever else is asked meanwhile is refused with `STORE_LOCKED`.
   */
  async compact(options?: WorkOptions | null): Promise<void> {
    const said = known(options, WORK_OPTIONS)
    await work(said, (piece) => {
      const compacted = Promise.allSettled(this.#watching).then(() => answer(() => this.#inner.compact(piece.job)))
      const over = (): void => {
        if (this.#compacting === settled) this.#compacting = undefined
      }
      const settled = compacted.then(over, over)
      this.#compacting = settled
      return compacted
    })
  }

  /**
   * Write all records, and what stewards decided, to a file of JSON lines, whole or not at all; how many lines.
   * `import` takes it in, and so does every other language.
   */
  async export(path: FilePath, options?: WorkOptions | null): Promise<number> {
    const said = known(options, WORK_OPTIONS)
    return work(said, (piece) => whole(path, (partial) => answer(() => this.#inner.exportTo(piece.job, partial))))
  }

  /** Take in what `export` wrote; how many lines. A line that is none is an error, before anything is taken in. */
  async import(path: FilePath, options?: WorkOptions | null): Promise<number> {
    const [said, where] = [known(options, WORK_OPTIONS), pathOf(path)]
    return work(said, (piece) => answer(() => this.#inner.importFrom(piece.job, where)))
  }

  /** Read everything, resolve it in batch, and compare. */
  async verify(options?: WorkOptions | null): Promise<Verification> {
    return work(known(options, WORK_OPTIONS), async (piece) => {
      return JSON.parse(await answer(() => this.#inner.verify(piece.job))) as Verification
    })
  }

  /** Wait until every change is on the disk. */
  async flush(): Promise<void> {
    await answer(() => this.#inner.flush())
  }

  /** Close the store once what was asked before is done; its files are free then. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#compacting) await this.#compacting
    const closed = answer(() => this.#inner.close())
    await Promise.allSettled([...this.#watching])
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function modelOf(model: unknown, name: string): native.Model {
  if (!(model instanceof Model)) throw wrongType(name, 'a Model', model)
  return model._inner
}

function storeOptions(said: Partial<StoreOptions>): native.StoreOptions {
  const { durability = 'everyCall', key, cachedRecords, cachedBytes } = said
  const told: native.StoreOptions = {}
  if (durability === 'everyCall') told.durableWithinMs = 0
  else if (typeof durability === 'object' && durability !== null && typeof durability.withinMs === 'number') {
    told.durableWithinMs = durability.withinMs
  } else if (durability !== 'byHand') {
    throw wrongType('options.durability', '"everyCall", "byHand" or { withinMs }', durability)
  }
  if (key != null) {
    if (!(key instanceof Uint8Array)) throw wrongType('options.key', '32 bytes', key)
    told.key = key
  }
  if (cachedRecords != null) told.cachedRecords = count('options.cachedRecords', cachedRecords)
  if (cachedBytes != null) told.cachedBytes = count('options.cachedBytes', cachedBytes)
  return told
}

function entityId(id: unknown): string {
  if (typeof id === 'string') return id
  throw wrongType('id', 'the id of an entity', id)
}

function keyOf(key: unknown): [string, string] {
  const [source, id]: unknown[] = Array.isArray(key) ? key : [(key as Partial<RecordKey> | null)?.source, (key as Partial<RecordKey> | null)?.id]
  const isId = typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint'
  if (typeof source !== 'string' || !isId || (Array.isArray(key) && key.length !== 2)) {
    throw wrongType('key', '[source, id]', key)
  }
  return [source, String(id)]
}

/** A record with its source. */
function sourced(record: object): object {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return record
  return { source: DEFAULT_SOURCE, ...record }
}

async function pushed(records: unknown, piece: Work): Promise<native.Inputs> {
  const { [Symbol.asyncIterator]: slow, [Symbol.iterator]: fast } = (records ?? {}) as Partial<AsyncIterable<object> & Iterable<object>>
  if (typeof records === 'string' || (typeof slow !== 'function' && typeof fast !== 'function')) {
    throw wrongType('records', 'an array or other iterable of objects', records)
  }
  const inputs = new native.Inputs()
  inputs.jsonLines(DEFAULT_SOURCE)
  let place = 0
  let lines: string[] = []
  const flush = (): void => {
    if (lines.length > 0) inputs.pushText(lines.join('\n'))
    lines = []
  }
  const add = (record: object): void => {
    lines.push(recordJson(`records[${place}]`, sourced(record)))
    place += 1
    if (lines.length === 256) flush()
  }
  if (typeof slow === 'function') {
    for await (const record of records as AsyncIterable<object>) {
      add(record)
      if (piece.isDue) await piece.breathe()
    }
  } else {
    for (const record of records as Iterable<object>) {
      add(record)
      if (place % 64 === 0 && piece.isDue) await piece.breathe()
    }
  }
  flush()
  return inputs
}

/** Events as one object each. */
function eventsOf(json: string): StoreEvent[] {
  const events = JSON.parse(json) as { sequence: number; change: { [type: string]: object } }[]
  return events.map(({ sequence, change }) => {
    const [[type, members]] = Object.entries(change) as [[string, object]]
    return { sequence, ...(camelKeys({ type: camel(type), ...members }) as Change) }
  })
}

const camel = (type: string): string => (type === 'golden_changed' ? 'goldenChanged' : type)

