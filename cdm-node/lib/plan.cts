import { answered } from './answers.cjs'
import { CdmError, answer, call, wrongType } from './errors.cjs'
import { type FilePath, save, textOf } from './files.cjs'
import { COLUMN_OPTIONS, type ColumnOptions, type Data, type FieldsOption, read } from './inputs.cjs'
import { decisionsJson, type Decisions, labelsJson, type Labels } from './decisions.cjs'
import type { LinkType, PlanDocument } from './documents.cjs'
import { Model } from './model.cjs'
import type { Kind } from './normalize.cjs'
import { known, text } from './options.cjs'
import { Resolution } from './resolution.cjs'
import { LIMITED_WORK_OPTIONS, type LimitedWorkOptions, WORK_OPTIONS, type WorkOptions, work } from './work.cjs'
import native = require('../native.js')

/** What `Plan.infer` may be told. */
export interface InferOptions extends ColumnOptions, WorkOptions {
  /** The columns to go by, with their kinds, or without; all that look useful where absent. */
  fields?: FieldsOption | null
  /** What stays as it is; of what it compares and blocks on, whatever it leaves open is inferred. */
  given?: Plan | null
  /** The ISO 3166 code, such as `"DE"`, of phones and the like that do not name their own. */
  region?: string | null
  /** Which pairs of records may be linked. */
  linkType?: LinkType | null
}

/** What `plan.estimate` may be told. */
export interface EstimateOptions extends ColumnOptions, WorkOptions {}

/** What resolving records by a plan would take. */
export interface RunEstimate {
  /** Records in the data. */
  records: number
  /** How many of them were looked at; where they are all, pairs are counted exactly. */
  recordsSampled: number
  /** Pairs of records that blocking would find, each once. */
  candidatePairs: number
  /** By blocking rule, in order: the pairs that no rule before it finds, and the keys too many share. */
  newPairsByRule: { rule: string; pairs: number; stoppedKeys: number }[]
  /** The most memory at a time, that of the records included. */
  peakMemoryBytes: number
  /** The least `memoryLimit` that can be kept. */
  leastMemoryBytes: number
  /** How long it would take on this machine. */
  seconds: number
}

/** What `plan.fit` may be told. */
export interface FitOptions extends ColumnOptions, LimitedWorkOptions {
  /** Pairs that somebody looked at: a few dozen help, and none is needed. */
  labels?: Labels | string | null
}

/** What resolving by a plan or model may be told. */
export interface ResolveByOptions extends ColumnOptions, LimitedWorkOptions {
  /** What people decided by hand; or its JSON document. */
  decisions?: Decisions | string | null
}

/** What fitting and resolving by a plan may be told. */
export interface FitAndResolveOptions extends FitOptions, ResolveByOptions {}

/** Each plan's own core. */
const inner = new WeakMap<Plan, native.Plan>()

/**
 * What to do with records: their fields, the rules by which they match, which values survive.
 *
 * Made from an object or from JSON, and checked as a whole: what is misspelt is named, with where it
 * is and what was meant. A plan never changes.
 */
export class Plan {
  constructor(document: PlanDocument | string) {
    if (typeof document !== 'string' && (typeof document !== 'object' || document === null)) {
      throw wrongType('document', 'a plan as an object or as JSON', document)
    }
    const json = typeof document === 'string' ? document : JSON.stringify(document)
    inner.set(this, call(() => native.Plan.fromJson(json)))
  }

  /** Read a plan from JSON. */
  static fromJson(json: string): Plan {
    if (typeof json !== 'string') throw wrongType('json', 'a string', json)
    return new Plan(json)
  }

  /** Read a plan from a file of JSON. */
  static async load(path: FilePath): Promise<Plan> {
    return new Plan(await textOf(path))
  }

  /** The plan that suits `data`: to be read, changed and kept. */
  static async infer(data: Data, options?: InferOptions | null): Promise<Plan> {
    const names = [...COLUMN_OPTIONS, ...WORK_OPTIONS, 'fields', 'given', 'region', 'linkType']
    const said = known(options, names)
    const given = said.given ?? undefined
    if (given !== undefined && !(given instanceof Plan)) throw wrongType('options.given', 'a Plan', given)
    return work(said, async (piece) => {
      const { records } = await read(data, said, given && innerOf(given), piece)
      try {
        const start = startOf(records, given, said)
        return planOf(await answer(() => start.infer(piece.job, records)))
      } finally {
        records.close()
      }
    })
  }

  /** The JSON Schema of plans, for editors and other tools. */
  static jsonSchema(): { [member: string]: unknown } {
    return JSON.parse(native.Plan.jsonSchema()) as { [member: string]: unknown }
  }

  /** The plan's own name. */
  get name(): string {
    return this.toObject().name
  }

  /** The fields, in order, and their kinds. */
  get fields(): { [field: string]: Kind } {
    return Object.fromEntries(this.toObject().fields.map((field) => [field.name, field.kind]))
  }

  /** The plan as JSON, indented, the same in every language; `fromJson` reads it back the same. */
  toJson(): string {
    return innerOf(this).toJson()
  }

  /** The plan as an object, to be looked at or changed; `new Plan(object)` checks it again. */
  toObject(): PlanDocument {
    return JSON.parse(this.toJson()) as PlanDocument
  }

  /** What `JSON.stringify` writes. */
  toJSON(): PlanDocument {
    return this.toObject()
  }

  /** The same plan with other top-level members, such as `region` or `rules`; null leaves one out. */
  replace(members: { [Name in keyof PlanDocument]?: PlanDocument[Name] | null }): Plan {
    if (typeof members !== 'object' || members === null) throw wrongType('members', 'an object', members)
    const document = Object.entries({ ...this.toObject(), ...members })
    const kept = document.filter(([, member]) => member !== null && member !== undefined)
    return new Plan(Object.fromEntries(kept) as unknown as PlanDocument)
  }

  /** Write the plan to a file, whole or not at all. */
  save(path: FilePath): Promise<void> {
    return save(path, this.toJson())
  }

  /** Learn from `data` what needs a look at all records; the model resolves these and others. */
  async fit(data: Data, options?: FitOptions | null): Promise<Model> {
    const said = known(options, [...COLUMN_OPTIONS, ...LIMITED_WORK_OPTIONS, 'labels'])
    return work(
      said,
      async (piece) => {
        const { records, sources } = await read(data, said, innerOf(this), piece)
        try {
          const labels = labelsJson(said.labels, sources)
          return Model._of(await answer(() => innerOf(this).fit(piece.job, records, labels)))
        } finally {
          records.close()
        }
      },
      (late) => late.close(),
    )
  }

  /**
   * What resolving `data` by this plan would take: pairs, memory and time.
   *
   * Of a large table a sample is looked at, so that it takes a small part of the time of the run; pairs
   * are then right within some percent, memory and time within a third or so.
   */
  async estimate(data: Data, options?: EstimateOptions | null): Promise<RunEstimate> {
    const said = known(options, [...COLUMN_OPTIONS, ...WORK_OPTIONS])
    return work(said, async (piece) => {
      const { records } = await read(data, said, innerOf(this), piece)
      try {
        return answered<RunEstimate>(await answer(() => innerOf(this).estimateJson(piece.job, records)))
      } finally {
        records.close()
      }
    })
  }

  /** Fit this plan to `data` and resolve it by the model, in one go. */
  async resolve(data: Data, options?: FitAndResolveOptions | null): Promise<Resolution> {
    const said = known(options, [...COLUMN_OPTIONS, ...LIMITED_WORK_OPTIONS, 'labels', 'decisions'])
    return work(
      said,
      async (piece) => {
        const { records, sources, notes } = await read(data, said, innerOf(this), piece)
        try {
          const labels = labelsJson(said.labels, sources)
          const decided = decisionsJson(said.decisions, sources)
          const resolution = await answer(() => innerOf(this).resolve(piece.job, records, labels, decided))
          return Resolution._of(resolution, notes, sources)
        } finally {
          records.close()
        }
      },
      (late) => late.close(),
    )
  }
}

/** @internal The core's plan of a plan. */
export function innerOf(plan: Plan): native.Plan {
  const core = inner.get(plan)
  if (core === undefined) throw wrongType('plan', 'a Plan', plan)
  return core
}

/** @internal A plan of the core's. */
export function planOf(core: native.Plan): Plan {
  const plan = Object.create(Plan.prototype) as Plan
  inner.set(plan, core)
  return plan
}

/** @internal The plan to infer from: what is given; where nothing is, the records' fields and nothing else. */
export function startOf(
  records: native.Records,
  given: Plan | undefined,
  said: { region?: string | null; linkType?: string | null },
): native.Plan {
  const fields = call(() => records.fieldsJson)
  const base = given ?? new Plan(`{"version": 1, "name": "inferred", "fields": ${fields}}`)
  return innerOf(withOptions(base, said))
}

/** @internal The plan, with what was said beside it. */
export function withOptions(plan: Plan, said: { region?: string | null; linkType?: string | null }): Plan {
  const region = text('region', said.region ?? undefined)
  const linkType = text('linkType', said.linkType ?? undefined)
  if (region === undefined && linkType === undefined) return plan
  const changes = { ...(region && { region }), ...(linkType && { link_type: linkType as LinkType }) }
  try {
    return plan.replace(changes)
  } catch (error) {
    if (!(error instanceof CdmError)) throw error
    const path = error.path === 'link_type' ? 'options.linkType' : `options.${error.path ?? ''}`
    const { code, suggestion } = error
    throw new CdmError(`${path}: ${error.message}`, code, { path, suggestion, cause: error })
  }
}
