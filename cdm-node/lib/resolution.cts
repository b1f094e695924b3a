/// <reference lib="esnext.disposable" preserve="true" />
import { answered, chartOf, explained, maybe } from './answers.cjs'
import { type Decisions, givenLabels, type Key, type Labels, recordKey } from './decisions.cjs'
import { answer, call, wrongType } from './errors.cjs'
import type {
  Answer,
  Chart,
  Difference,
  Expectation,
  Explanation,
  How,
  ReviewItem,
  SamplingPlan,
  Why,
  WhyNot,
} from './explanations.cjs'
import { type FilePath, save } from './files.cjs'
import { COLUMN_OPTIONS, type ColumnOptions, type Data, read } from './inputs.cjs'
import { Model } from './model.cjs'
import { count, flag, known, most, text } from './options.cjs'
import type { Plan } from './plan.cjs'
import type {
  EntityRow,
  EvaluationReport,
  GoldenRecord,
  LineageRow,
  LinkRow,
  QualityReport,
  QualityRow,
  ReadReport,
  RecordKey,
  RefusalRow,
  Summary,
} from './results.cjs'
import { Table } from './table.cjs'
import { WORK_OPTIONS, type Work, type WorkOptions, work } from './work.cjs'
import native = require('../native.js')

/** What `resolution.evaluate` may be told. */
export interface EvaluateOptions extends Pick<ColumnOptions, 'id' | 'source'>, WorkOptions {
  /** The column of the truth that says which record is which entity; `entity_id` where absent. */
  entity?: string | null
}

/** What `resolution.evaluatePairs` may be told. */
export interface EvaluatePairsOptions extends WorkOptions {
  /** Whether the matches among the labels are all there are; every record in none of them is then alone. */
  complete?: boolean | null
}

/** What `resolution.sample` may be told. */
export interface SampleOptions extends WorkOptions {
  /** Which of the many samples of its size it is; 1 where left out. */
  seed?: number | null
}

/** What `resolution.review` may be told. */
export interface ReviewOptions extends WorkOptions {
  /** The most questions; 50 where left out. */
  most?: number | null
}

/** What `resolution.report` may be told. */
export interface ReportOptions extends EvaluateOptions {
  /** The file that the page is written to, whole or not at all. */
  path?: FilePath | null
  /** What it is called; the plan's name where left out. */
  title?: string | null
  /** Leave values out: that they are there and which are equal is shown, not what they are. Record keys stay. */
  redact?: boolean | null
  /** What is known to be true, as for `evaluate`. */
  truth?: Data | null
  /** How many entities of each sort, and how many pairs, are shown; 6 where left out. */
  examples?: number | null
  /** How many questions the review queue holds; 50 where left out. */
  review?: number | null
}

/** Decisions as they are kept: what `JSON.stringify` writes may be given as `decisions` once it is parsed. */
export interface KeptDecisions extends Decisions {
  mustLink: [RecordKey, RecordKey][]
  cannotLink: [RecordKey, RecordKey][]
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
  readonly #sources: readonly string[]

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

  private constructor(inner: native.Resolution, notes: readonly string[], sources: readonly string[]) {
    this.#inner = inner
    this.#notes = notes
    this.#sources = sources
    const table = <R,>(name: string): Table<R> => new Table<R>(() => inner.table(new native.Job(), name))
    this.entities = table('entities')
    this.links = table('links')
    this.refusals = table('refusals')
    this.goldenRecords = table('golden_records')
    this.lineage = table('lineage')
    this.quality = table('quality')
  }

  /** @internal */
  static _of(inner: native.Resolution, notes: readonly string[], sources: readonly string[]): Resolution {
    return new Resolution(inner, notes, sources)
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
  summary(): Promise<Answer<Summary>> {
    return this.#document(() => this.#inner.summaryJson())
  }

  /** What a person should look at, in sentences; empty where all is well. */
  async warnings(): Promise<string[]> {
    return [...this.#notes, ...(await this.#document<string[]>(() => this.#inner.warningsJson()))]
  }

  /** For each source, what was read, how columns became fields, and what was turned away. */
  reports(): Promise<Answer<ReadReport[]>> {
    return this.#document(() => this.#inner.reportsJson())
  }

  /** All that is known of the quality of the values, with examples. It quotes frequent values. */
  qualityReport(): Promise<Answer<QualityReport>> {
    return this.#document(() => this.#inner.qualityJson())
  }

  /**
   * How good the entities are, against those of `truth`, whose column `entity` says which is which.
   *
   * `truth` names its records like the data did. Records that it does not name do not count.
   */
  async evaluate(truth: Data, options?: EvaluateOptions | null): Promise<Answer<EvaluationReport>> {
    const said = known(options, [...COLUMN_OPTIONS, ...WORK_OPTIONS, 'entity'])
    return work(said, (piece) =>
      withTruth(truth, said, piece, (records) => this.#document(() => this.#inner.evaluateJson(piece.job, records))),
    )
  }

  /**
   * How good the entities are, by pairs of records that people labelled.
   *
   * Nothing is known of other pairs: `labelledPairs` has the measures, unless the labels are `complete`.
   */
  async evaluatePairs(labels: Labels | string, options?: EvaluatePairsOptions | null): Promise<Answer<EvaluationReport>> {
    const said = known(options, [...WORK_OPTIONS, 'complete'])
    const complete = flag('complete', said.complete) ?? false
    const json = givenLabels(labels, this.#sources)
    return work(said, (piece) => this.#document(() => this.#inner.evaluatePairsJson(piece.job, json, complete)))
  }

  /**
   * Why two records are one customer: what is said for and against it, in parts that add up to the match
   * weight exactly, and the links that lead from the one to the other. Answers for any two records.
   */
  async why(left: Key, right: Key): Promise<Explanation<Why>> {
    const [one, other] = [this.#key('left', left), this.#key('right', right)]
    return explained(await answer(() => this.#inner.why(one, other)))
  }

  /** Why two records are not one customer: the cause, and all other obstacles. */
  async whyNot(left: Key, right: Key): Promise<Explanation<WhyNot>> {
    const [one, other] = [this.#key('left', left), this.#key('right', right)]
    return explained(await answer(() => this.#inner.whyNot(one, other)))
  }

  /**
   * How an entity came together: the steps, the link that holds it (`bridge`), the entity that it was nearest
   * to be joined with. `entity` is its id, or one of its records.
   */
  async how(entity: string | Exclude<Key, string>): Promise<Answer<How>> {
    if (typeof entity === 'string') return this.#document(() => this.#inner.howJson(entity))
    const record = this.#key('entity', entity)
    return this.#document(() => this.#inner.howOfJson(record))
  }

  /**
   * What the model believes of the outcome where nobody knows the truth: as good as the model. Null where
   * the plan compares nothing.
   */
  async expect(options?: WorkOptions | null): Promise<Answer<Expectation> | null> {
    const json = await this.#work(options, (job) => this.#inner.expectJson(job))
    return maybe(json)
  }

  /** How the weights of candidate pairs are spread, as a chart; null where nothing was weighed. */
  async weights(options?: WorkOptions | null): Promise<Chart | null> {
    return chartOf(await this.#work(options, (job) => this.#inner.weightsJson(job)))
  }

  /**
   * Which pairs to look at to learn how many of the pairs put together are right: hand the answers to
   * `estimate`. Of doubtful pairs more are drawn than of sure ones.
   */
  async sample(size = 150, options?: SampleOptions | null): Promise<Answer<SamplingPlan>> {
    const { seed = 1, ...rest } = known(options, [...WORK_OPTIONS, 'seed'])
    const [pairs, start] = [most('size', size), count('options.seed', seed)]
    return answered(await this.#work(rest, (job) => this.#inner.samplingPlanJson(job, pairs, start)))
  }

  /**
   * What is worth a person's minute, the most first: questions about two records and their groups. Answers go
   * back as `decisions`, and as `labels` to learn from.
   */
  async review(options?: ReviewOptions | null): Promise<Answer<ReviewItem[]>> {
    const { most: limit = 50, ...rest } = known(options, [...WORK_OPTIONS, 'most'])
    const length = most('options.most', limit)
    return answered(await this.#work(rest, (job) => this.#inner.reviewJson(job, length)))
  }

  /** What is different in another resolution: of a new model, or of new data. */
  async compare(after: Resolution): Promise<Answer<Difference>> {
    if (!(after instanceof Resolution)) throw wrongType('after', 'a Resolution', after)
    return this.#document(() => this.#inner.compareJson(after.#inner))
  }

  /**
   * The outcome as one HTML page that needs no network; written to `path` where one is given, and returned.
   *
   * It shows the quality of the data, what the model learned, how weights are spread, entities and pairs to
   * look at, golden records, and the review queue, whose answers it saves as a file for `decisions`.
   */
  async report(options?: ReportOptions | null): Promise<string> {
    const names = [...COLUMN_OPTIONS, ...WORK_OPTIONS, 'entity', 'path', 'title', 'redact', 'truth', 'examples', 'review']
    const said = known(options, names)
    const told: native.ReportOptions = {}
    const [title, redact] = [text('title', said.title), flag('redact', said.redact)]
    if (title !== undefined) told.title = title
    if (redact !== undefined) told.redact = redact
    if (said.examples !== undefined) told.examples = most('options.examples', said.examples)
    if (said.review !== undefined) told.review = most('options.review', said.review)
    const page = await work(said, async (piece) => {
      const ask = (truth?: native.Records): Promise<string> => answer(() => this.#inner.reportHtml(piece.job, told, truth))
      return said.truth === undefined ? ask() : withTruth(said.truth, said, piece, ask)
    })
    if (said.path !== undefined) await save(said.path, page)
    return page
  }

  /** What people decided and was honoured, to be kept. */
  decisions(): Promise<Answer<KeptDecisions>> {
    return this.#document(() => this.#inner.decisionsJson())
  }

  #key(name: string, key: unknown): [string, string] {
    return recordKey(name, key, this.#sources)
  }

  #work(options: WorkOptions | null | undefined, ask: (job: native.Job) => Promise<string>): Promise<string> {
    return work(known(options, WORK_OPTIONS), (piece) => answer(() => ask(piece.job)))
  }

  async #document<T extends object>(json: () => Promise<string>): Promise<Answer<T>> {
    return answered(await answer(json))
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

/** Read the truth and ask something of it. */
async function withTruth<T>(
  truth: unknown,
  said: EvaluateOptions,
  piece: Work,
  ask: (records: native.Records) => Promise<T>,
): Promise<T> {
  const entity = said.entity ?? 'entity_id'
  if (typeof entity !== 'string') throw wrongType('options.entity', 'the name of a column', entity)
  const { id, source } = said
  const columns = { ...(id != null && { id }), ...(source != null && { source }), fields: { [entity]: 'text' as const } }
  const { records } = await read(truth, columns, undefined, piece)
  try {
    return await ask(records)
  } finally {
    records.close()
  }
}
