/// <reference lib="esnext.disposable" preserve="true" />
import { answer, call, wrongType } from './errors.cjs'
import { COLUMN_OPTIONS, type ColumnOptions, type Data, read } from './inputs.cjs'
import { Model } from './model.cjs'
import { camelKeys, known } from './options.cjs'
import type { Plan } from './plan.cjs'
import type {
  EntityRow,
  Evaluation,
  GoldenRecord,
  LineageRow,
  LinkRow,
  QualityReport,
  QualityRow,
  ReadReport,
  RefusalRow,
  Summary,
} from './results.cjs'
import { Table } from './table.cjs'
import { WORK_OPTIONS, type WorkOptions, work } from './work.cjs'
import native = require('../native.js')

/** What `resolution.evaluate` may be told. */
export interface EvaluateOptions extends Pick<ColumnOptions, 'id' | 'source'>, WorkOptions {
  /** The column of the truth that says which record is which entity; `entity_id` where absent. */
  entity?: string | null
}

/**
 * Which records are one entity, by which links, and what they say together.
 *
 * Each result is a `Table`, made when it is first asked for. `close()` lets go of the records at
 * once rather than when it is collected; `await using resolution = ...` does so by itself.
 */
export class Resolution {
  readonly #inner: native.Resolution
  readonly #notes: readonly string[]

  /** Which record is which entity: a row for each row that came in, in their order. */
  readonly entities: Table<EntityRow>
  /** What joined records. */
  readonly links: Table<LinkRow>
  /** The links that were refused. */
  readonly refusals: Table<RefusalRow>
  /** One merged record for each entity. */
  readonly goldenRecords: Table<GoldenRecord>
  /** Where every value went. */
  readonly lineage: Table<LineageRow>
  /** How well each field is filled. */
  readonly quality: Table<QualityRow>

  private constructor(inner: native.Resolution, notes: readonly string[]) {
    this.#inner = inner
    this.#notes = notes
    const table = <R,>(name: string): Table<R> => new Table<R>(() => inner.table(new native.Job(), name))
    this.entities = table('entities')
    this.links = table('links')
    this.refusals = table('refusals')
    this.goldenRecords = table('golden_records')
    this.lineage = table('lineage')
    this.quality = table('quality')
  }

  /** @internal */
  static _of(inner: native.Resolution, notes: readonly string[]): Resolution {
    return new Resolution(inner, notes)
  }

  /** How many entities there are. */
  get size(): number {
    return call(() => this.#inner.size)
  }

  /** How many records were resolved. */
  get records(): number {
    return call(() => this.#inner.records)
  }

  /** The model that resolved. */
  get model(): Model {
    return Model._of(call(() => this.#inner.model))
  }

  /** The plan by which it was done. */
  get plan(): Plan {
    return this.model.plan
  }

  /**
   * The entity of each row that came in, by number from 0, -1 where the row could not be used: what
   * `entities` says, without an object for each row. Golden records come in the order of these numbers.
   */
  entityNumbers(): Promise<Int32Array> {
    return answer(() => this.#inner.entityNumbers())
  }

  /** The counts. */
  summary(): Promise<Summary> {
    return this.#document(() => this.#inner.summaryJson())
  }

  /** What a person should look at, in sentences; empty where all is well. */
  async warnings(): Promise<string[]> {
    return [...this.#notes, ...(await this.#document<string[]>(() => this.#inner.warningsJson()))]
  }

  /** For each source, what was read, how columns became fields, and what was turned away. */
  reports(): Promise<ReadReport[]> {
    return this.#document(() => this.#inner.reportsJson())
  }

  /** All that is known of the quality of the values, with examples. It quotes frequent values. */
  qualityReport(): Promise<QualityReport> {
    return this.#document(() => this.#inner.qualityJson())
  }

  /**
   * How good the entities are, against those of `truth`, whose column `entity` says which is which.
   *
   * `truth` names its records like the data did. Records that it does not name do not count.
   */
  async evaluate(truth: Data, options?: EvaluateOptions | null): Promise<Evaluation> {
    const said = known(options, [...COLUMN_OPTIONS, ...WORK_OPTIONS, 'entity'])
    const entity = said.entity ?? 'entity_id'
    if (typeof entity !== 'string') throw wrongType('options.entity', 'the name of a column', entity)
    return work(said, async (piece) => {
      const { records } = await read(truth, { ...said, fields: { [entity]: 'text' } }, undefined, piece)
      try {
        return await this.#document<Evaluation>(() => this.#inner.evaluateJson(records))
      } finally {
        records.close()
      }
    })
  }

  async #document<T>(json: () => Promise<string>): Promise<T> {
    return camelKeys(JSON.parse(await answer(json))) as T
  }

  /** Let go of the records and all results; what is asked afterwards is an error. */
  close(): void {
    const tables = [this.entities, this.links, this.refusals, this.goldenRecords, this.lineage, this.quality]
    for (const table of tables) table._forget()
    this.#inner.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }
}
