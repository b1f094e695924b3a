/// <reference lib="esnext.disposable" preserve="true" />
import { answer, call, translated, wrongType } from './errors.cjs'
import { type FilePath, save, textOf } from './files.cjs'
import { chartOf, explained } from './answers.cjs'
import { COLUMN_OPTIONS, type Data, read } from './inputs.cjs'
import { decisionsJson } from './decisions.cjs'
import type { ModelDocument } from './documents.cjs'
import type { Chart, Explanation, PairExplanation } from './explanations.cjs'
import { camelKeys, known } from './options.cjs'
import { innerOf, type Plan, planOf, type ResolveByOptions } from './plan.cjs'
import { Resolution } from './resolution.cjs'
import { recordJson } from './rows.cjs'
import type { Decision, LooseRecord, Score, ScoreWithLevels, StoredRecord } from './results.cjs'
import { LIMITED_WORK_OPTIONS, work } from './work.cjs'
import native = require('../native.js')

/**
 * A plan, and what was learned by it from data. Made by `plan.fit`; one JSON document.
 *
 * It holds some keys of records in clear, so treat it like the records themselves. `close()` lets go
 * of its memory at once rather than when it is collected; `using model = ...` does so by itself.
 */
export class Model {
  readonly #inner: native.Model

  private constructor(inner: native.Model) {
    this.#inner = inner
  }

  /** @internal */
  get _inner(): native.Model {
    return this.#inner
  }

  /** @internal */
  static _of(inner: native.Model): Model {
    return new Model(inner)
  }

  /** Read a model from JSON; one of another version, or a damaged one, is an error. */
  static fromJson(json: string): Model {
    if (typeof json !== 'string') throw wrongType('json', 'a string', json)
    return new Model(call(() => native.Model.fromJson(json)))
  }

  /** Read a model from a file of JSON, off the event loop. */
  static async load(path: FilePath): Promise<Model> {
    const json = await textOf(path)
    return new Model(await answer(() => native.Model.readJson(json)))
  }

  /** The plan that was fitted. */
  get plan(): Plan {
    return planOf(call(() => this.#inner.plan))
  }

  /** The model as JSON, indented, the same in every language; `fromJson` reads it back the same. */
  toJson(): string {
    return call(() => this.#inner.toJson())
  }

  /** The model as an object: its `plan`, and what was learned. */
  toObject(): ModelDocument {
    return JSON.parse(this.toJson()) as ModelDocument
  }

  /** What `JSON.stringify` writes. */
  toJSON(): ModelDocument {
    return this.toObject()
  }

  /** Write the model to a file, whole or not at all. */
  async save(path: FilePath): Promise<void> {
    await save(path, this.toJson())
  }

  /** Resolve `data` by this model. */
  async resolve(data: Data, options?: ResolveByOptions | null): Promise<Resolution> {
    const said = known(options, [...COLUMN_OPTIONS, ...LIMITED_WORK_OPTIONS, 'decisions'])
    return work(
      said,
      async (piece) => {
        const { records, sources, notes } = await read(data, said, innerOf(this.plan), piece)
        try {
          const decided = decisionsJson(said.decisions, sources)
          const resolution = await answer(() => this.#inner.resolve(piece.job, records, decided))
          return Resolution._of(resolution, notes, sources)
        } finally {
          records.close()
        }
      },
      (late) => late.close(),
    )
  }

  /**
   * What is to be said of two records, at once and on the spot.
   *
   * Their members are the plan's fields, by their names (`given_name`) or as JavaScript has them
   * (`givenName`); a `source` and an `id` are taken for what they are. Another member is an error, so that
   * a slip is not taken for a value that is missing. A record that comes again is ready already.
   */
  score<L extends LooseRecord<L>, R extends LooseRecord<R>>(left: L, right: R): Score
  score<L extends LooseRecord<L>, R extends LooseRecord<R>>(left: L, right: R, options: { levels: true }): ScoreWithLevels
  score<L extends LooseRecord<L>, R extends LooseRecord<R>>(
    left: L,
    right: R,
    options?: { levels?: boolean } | null,
  ): Score | ScoreWithLevels
  score(left: unknown, right: unknown, options?: { levels?: boolean } | null): Score | ScoreWithLevels {
    const one = recordJson('left', left)
    const other = recordJson('right', right)
    try {
      if (options != null && known(options, ['levels']).levels) return camelKeys(JSON.parse(this.#inner.scoreJson(one, other))) as ScoreWithLevels
      const { matchWeight, matchProbability, rule, decision } = this.#inner.score(one, other)
      return {
        matchWeight: matchWeight ?? null,
        matchProbability: matchProbability ?? null,
        rule: rule ?? null,
        decision: (decision as Decision | undefined) ?? null,
      }
    } catch (error) {
      throw translated(error)
    }
  }

  /**
   * What the model says of two records, whatever data they are in: what is said for and against it in
   * parts that add up to the match weight exactly, the rule that holds, the keys that they share.
   *
   * Each is an object as for `score`, or as `store.get` gives it. Where one has no `id`, it is called
   * `left` or `right`.
   */
  async explain<L extends LooseRecord<L>, R extends LooseRecord<R>>(
    left: L | StoredRecord,
    right: R | StoredRecord,
  ): Promise<Explanation<PairExplanation>> {
    const [one, other] = [recordJson('left', unpacked(left)), recordJson('right', unpacked(right))]
    return explained(await answer(() => this.#inner.explain(one, other)))
  }

  /** What each level of each comparison weighs, as a chart; null where the plan compares nothing. */
  async chart(): Promise<Chart | null> {
    return chartOf(await answer(() => this.#inner.chartJson()))
  }

  /** Let go of the model; what is asked of it afterwards is an error. */
  close(): void {
    this.#inner.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }
}

/** A record whose fields lie together, as the store gives it, with the fields beside its key. */
function unpacked(record: unknown): unknown {
  if (typeof record !== 'object' || record === null || !('fields' in record)) return record
  const { fields, ...key } = record
  return typeof fields === 'object' && fields !== null && !Array.isArray(fields) ? { ...fields, ...key } : record
}
