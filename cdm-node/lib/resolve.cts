import { decisionsJson, type Decisions, labelsJson, type Labels } from './decisions.cjs'
import type { LinkType, PlanDocument } from './documents.cjs'
import { CdmError, answer, wrongType } from './errors.cjs'
import { COLUMN_OPTIONS, type ColumnOptions, type Data, type FieldsOption, read, type URLLike } from './inputs.cjs'
import { Model } from './model.cjs'
import { known } from './options.cjs'
import { innerOf, Plan, startOf, withOptions } from './plan.cjs'
import { Resolution } from './resolution.cjs'
import { LIMITED_WORK_OPTIONS, type LimitedWorkOptions, work } from './work.cjs'

/** What `resolve` may be told. */
export interface ResolveOptions extends ColumnOptions, LimitedWorkOptions {
  /** The columns to go by, with their kinds, or without; all that look useful where absent. */
  fields?: FieldsOption | null
  /** A `Plan` or `Model`, a plan as an object, or the path of its file; inferred where absent. */
  plan?: Plan | Model | PlanDocument | string | URLLike | null
  /** Pairs that somebody looked at, to learn from: a few dozen help, and none is needed. */
  labels?: Labels | string | null
  /** What people decided by hand; or its JSON document. */
  decisions?: Decisions | string | null
  /** The ISO 3166 code, such as `"DE"`, of phones and the like that do not name their own. */
  region?: string | null
  /** Which pairs of records may be linked; as the plan says where absent. */
  linkType?: LinkType | null
}

/**
 * Resolve records into entities: which of them are one person or organisation.
 *
 * The one-line form: where no plan is given, one is inferred from the data. All work is done off the
 * event loop.
 */
export async function resolve(data: Data, options?: ResolveOptions | null): Promise<Resolution> {
  const own = ['fields', 'plan', 'labels', 'decisions', 'region', 'linkType']
  const names = [...COLUMN_OPTIONS, ...LIMITED_WORK_OPTIONS, ...own]
  const said = known(options, names)
  const by = await planOf(said.plan)
  if (by instanceof Model) {
    for (const name of ['fields', 'labels', 'region', 'linkType'] as const) {
      if (said[name] === undefined) continue
      const message = `options.${name}: a model has its own; fit another plan to change that`
      throw new CdmError(message, 'INVALID_DOCUMENT', { path: `options.${name}` })
    }
    const { plan: _, ...rest } = said
    return by.resolve(data, rest as Parameters<Model['resolve']>[1])
  }
  const given = by && withOptions(by, said)
  return work(
    said,
    async (piece) => {
      const { records, sources, notes } = await read(data, said, given && innerOf(given), piece)
      try {
        const labels = labelsJson(said.labels, sources)
        const decided = decisionsJson(said.decisions, sources)
        const start = given ? innerOf(given) : startOf(records, undefined, said)
        const resolution = await answer(() =>
          given
            ? start.resolve(piece.job, records, labels, decided)
            : start.inferAndResolve(piece.job, records, labels, decided),
        )
        return Resolution._of(resolution, notes, sources)
      } finally {
        records.close()
      }
    },
    (late) => late.close(),
  )
}

async function planOf(plan: unknown): Promise<Plan | Model | undefined> {
  if (plan === undefined || plan instanceof Plan || plan instanceof Model) return plan
  if (typeof plan === 'string' || plan instanceof URL) return Plan.load(plan)
  if (typeof plan === 'object' && plan !== null && !Array.isArray(plan)) return new Plan(plan as PlanDocument)
  throw wrongType('options.plan', 'a Plan, a Model, a plan as an object, or the path of its file', plan)
}
