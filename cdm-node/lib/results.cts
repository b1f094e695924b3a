import type { Kind, Status } from './normalize.cjs'

/** The id of a record: a number where all ids came as whole numbers, else text. */
export type Id = string | number

/** A value of a record: several are an array; null and undefined are none. */
export type Value = string | number | boolean | bigint | Date | null | undefined | readonly Value[]

/** A record that is in no data: the plan's fields. */
export type LooseRecord<R = { [field: string]: Value }> = { readonly [Field in keyof R]: Value }

/** What a rule says of two records: that they are one, or never are. */
export type Decision = 'match' | 'never'

/** What a model says of two records. */
export interface Score {
  /** The log2 of the odds that the two are one; null where the plan compares nothing. */
  matchWeight: number | null
  /** The same as a probability. */
  matchProbability: number | null
  /** The first rule that holds for the two, which decides whatever they weigh. */
  rule: string | null
  /** What that rule says. */
  decision: Decision | null
}

/** What a model says of two records, and why. */
export interface ScoreWithLevels extends Score {
  /** What the two reach in each comparison that can be made, 0 the strongest. */
  levels: { comparison: string; level: number; label: string }[]
}

/** Which entity a row of the data is; all is null where the row could not be used. */
export interface EntityRow {
  id: Id | null
  source: string | null
  entityId: string | null
}

/** What joined two records. */
export interface LinkRow {
  leftSource: string
  leftId: Id
  rightSource: string
  rightId: Id
  /** The log2 of the odds that the two are one; null where a rule or a person decided. */
  matchWeight: number | null
  /** The same as a probability. */
  matchProbability: number | null
  /** The rule that decided; null where the weight or a person did. */
  rule: string | null
}

/** A link that was refused, and why. */
export interface RefusalRow {
  leftSource: string
  leftId: Id
  rightSource: string
  rightId: Id
  rule: string | null
  reason: 'cannot_link' | 'never_rule' | 'limit' | 'one_per_source' | 'outweighed'
  /** The rule, field or source that refused it, or how heavy the evidence against it is. */
  detail: string | null
}

/** One merged record: a member for each field of the plan, a list where all values survive. */
export interface GoldenRecord {
  entityId: string
  /** How many records were merged. */
  records: number
  /** The sources of these. */
  sources: string[]
  /** When the latest of them was last changed, in RFC 3339. */
  time: string | null
  [field: string]: string | string[] | number | null
}

/** Where a value of a record went. */
export interface LineageRow {
  entityId: string
  field: string
  outcome: 'survived' | 'agreed' | 'lost'
  /** The surviving value that it is or agrees with. */
  value: string | null
  strategy: string
  source: string
  id: Id
  time: string | null
  /** The value as it came. */
  raw: string
  status: Status
  issues: string[]
}

/** How well a field is filled. */
export interface QualityRow {
  field: string
  kind: Kind
  filled: number
  usable: number
  valid: number
  doubtful: number
  unusable: number
  placeholders: number
  distinct: number
  distinctCanonical: number
  issues: { issue: string; values: number }[]
}

/** A record by its source and id. */
export interface RecordKey {
  source: string
  id: string
}

/** A record as it was given to a store. */
export interface StoredRecord extends RecordKey {
  /** When it was last changed in its source, in RFC 3339. */
  time?: string
  fields: { [field: string]: string[] }
}

/** The numbers that tell the story of a resolution. */
export interface Summary {
  records: number
  entities: number
  /** Entities of one record. */
  singletons: number
  /** Records, by source. */
  sources: { [source: string]: number }
  /** The largest entities of several records, and how many these are. */
  largest: [entityId: string, records: number][]
  /** Links by the rule that made them. */
  linksByRule: [rule: string, links: number][]
  /** Links made by the evidence of comparisons. */
  linksByWeight: number
  /** Links made by people. */
  linksByDecision: number
  refusals: number
  /** Records that decisions name and nobody knows. */
  unknownInDecisions: RecordKey[]
  /** What the model is in doubt of. */
  doubts: string[]
}

/** What became of one source. */
export interface ReadReport {
  input: string
  source: string
  format: 'csv' | 'json_lines' | 'parquet' | 'arrow'
  encoding: string | null
  delimiter: string | null
  /** How its columns became fields. */
  mapping: {
    id?: string
    source?: string
    time?: string
    fields: { field: string; columns: string[]; part?: string; separator?: string }[]
  }
  mappingInferred: boolean
  columns: string[]
  unusedColumns: string[]
  absentColumns: string[]
  rowsRead: number
  rowsAccepted: number
  rowsRejected: number
  rowsBlank: number
  rowsRecoded: number
  timesUnreadable: number
  /** The first rows that were turned away, with the line or row, from 1, and the reason. */
  rejections: ({ line: number; reason: string; id?: string } & { [detail: string]: unknown })[]
}

/** All that is known of the quality of the values. It quotes frequent values. */
export interface QualityReport {
  records: number
  sources: { [source: string]: number }
  fields: (Omit<QualityRow, 'issues'> & {
    top: { value: string; records: number }[]
    sharedByMany: { value: string; records: number }[]
    issues: { issue: string; values: number; examples: RecordKey[] }[]
    dateOrders?: {
      [source: string]: { order: 'day_first' | 'month_first' | null; dayFirst: number; monthFirst: number; ambiguous: number }
    }
  })[]
}

/** How good a partition is, against a known truth. */
export interface Evaluation {
  /** Records whose truth is known. */
  records: number
  foundPairs: number
  truePairs: number
  commonPairs: number
  /** Of pairs. */
  precision: number
  /** Of pairs. */
  recall: number
  f1: number
  /** A mean over records, not pairs. */
  bCubedPrecision: number
  bCubedRecall: number
  bCubedF1: number
  trueEntities: number
  foundEntities: number
  /** True entities that were found with exactly their records. */
  exactEntities: number
  exactRate: number
  largestFound: number
  largestTrue: number
}

/** An entity that is made of parts of several of the other partition. */
export interface MixedEntity {
  /** Its id, or its name in the truth where it has one. */
  entity: string | null
  records: number
  /** How many pairs of records are wrong about it. */
  wrongPairs: number
  /** The largest part first, each with its first records. */
  parts: { entity: string | null; records: number; examples: RecordKey[] }[]
}

/** How good entities are, and where they are not. */
export interface EvaluationReport extends Evaluation {
  /** Share of the true pairs that could be found at all; null where no true pair is known. */
  blockingRecall: number | null
  /** How many entities hold records of several true ones. */
  overMerged: number
  worstOverMerged: MixedEntity[]
  /** How many true entities were found in several parts. */
  overSplit: number
  worstOverSplit: MixedEntity[]
  /** How good it would be if links below a weight were left out; null: all of them are. */
  curve: { leastWeight: number | null; foundPairs: number; precision: number; recall: number; f1: number }[]
  /** The same for parts of the records, told apart by their source and by how complete they are. */
  segments: ({ by: 'source' | 'completeness'; value: string } & Evaluation)[]
  /** Where single pairs are known and not whole entities: how they fare. */
  labelledPairs?: {
    pairs: number
    truePairs: number
    foundPairs: number
    commonPairs: number
    precision: number
    recall: number
    f1: number
  }
  /** How many records the truth names that were not resolved. */
  unknownRecords: number
}
