import native = require('../native.js')

export { CdmError } from './errors.cjs'
export { estimate, evaluatePartition } from './evaluate.cjs'
export { normalize } from './normalize.cjs'
export { Plan } from './plan.cjs'
export { Model } from './model.cjs'
export { Resolution } from './resolution.cjs'
export { resolve } from './resolve.cjs'
export { Store } from './store.cjs'
export { Table } from './table.cjs'

export type { CdmErrorDetails } from './errors.cjs'
export type { Context, Forms, Kind, Normalized, Normalizer, Normalizers, Status } from './normalize.cjs'
export type {
  EstimateOptions,
  FitAndResolveOptions,
  FitOptions,
  InferOptions,
  ResolveByOptions,
  RunEstimate,
} from './plan.cjs'
export type { EvaluateOptions, EvaluatePairsOptions, KeptDecisions, ReportOptions, ReviewOptions, SampleOptions } from './resolution.cjs'
export type { ResolveOptions } from './resolve.cjs'
export type { Column, ColumnOptions, Data, FieldsOption, Row, Source, Stream, URLLike } from './inputs.cjs'
export type { Decisions, Key, Label, Labels } from './decisions.cjs'
export type { FilePath } from './files.cjs'
export type {
  Adoption,
  Change,
  Contribution,
  Entity,
  StoreEvent,
  EventRecord,
  GoldenLineage,
  Hit,
  Stats,
  StoreKey,
  StoreOptions,
  Verification,
} from './store.cjs'
export type { LimitedWorkOptions, Progress, Signal, WorkOptions } from './work.cjs'
export type * from './documents.cjs'
export type * from './explanations.cjs'
export type * from './results.cjs'

/** The version of the package, which is the core's. */
export const version: string = native.VERSION
