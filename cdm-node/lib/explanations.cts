import type { Kind, Status } from './normalize.cjs'
import type { Decision, RecordKey } from './results.cjs'

/** A chart as a Vega-Lite specification, for whatever draws these. */
export interface Chart {
  readonly $schema: string
  readonly [member: string]: unknown
}

/**
 * An answer as a plain object, and beside its members, not among them, the document itself: `json` is to the
 * byte what Rust and Python write.
 */
export type Answer<T> = T & { readonly json: string }

/** An answer about two records: `chart` draws the parts of their weight, null where nothing was weighed. */
export type Explanation<T> = Answer<T> & { readonly chart: Chart | null }

/** A value of a record, as the model sees it. */
export interface FieldValue {
  /** As it came. */
  raw: string
  /** The canonical form, which is compared; null where it cannot be used. */
  normalized: string | null
  status: Status
  issues: string[]
}

/** What two records hold in one field. */
export interface FieldPair {
  field: string
  kind: Kind
  left: FieldValue[]
  right: FieldValue[]
}

/** A key that too many records share for pairs to be made of it. */
export interface StoppedKey {
  rule: string
  key: string[]
}

/** What it matters that a value is a rare one, or a common one. */
export interface TermPart {
  value: string
  /** The share of the records with a value that have it. */
  frequency: number
  /** The probability that two records agree on a value in general. */
  expected: number
  /** In bits: above 0 for rare values. */
  weight: number
}

/** What one comparison says. */
export interface ComparisonPart {
  comparison: string
  /** The level that the two reach, 0 the strongest; null where there is nothing to compare. */
  level: number | null
  label: string | null
  mProbability: number | null
  uProbability: number | null
  /** log2(m / u), in bits. */
  weight: number
  termFrequency?: TermPart
}

/** What coincidences take away: two customers may agree like this for another reason than chance. */
export interface CoincidencePart {
  /** The one that explains the pair best; null where chance does. */
  name: string | null
  /** The comparisons that it shares and that the two agree in. */
  agreeIn: string[]
  /** In bits, never above 0. */
  weight: number
  /** Of pairs like this that are no match, the share that comes of each. */
  explainedBy: { name: string; share: number }[]
}

/** The weight of two records, and the parts that add up to it exactly. */
export interface PairWeight {
  /** The log2 of the odds that the two are one: the sum of all parts. */
  matchWeight: number
  matchProbability: number
  /** What is believed of any two records. */
  prior: number
  /** One for each comparison of the plan. */
  comparisons: ComparisonPart[]
  coincidence?: CoincidencePart
  /** What is left out since weights end at 1000 bits. */
  beyondTheEnd?: number
  /** The smallest change of one comparison that would turn the verdict. */
  turnedBy?: { comparison: string; from: string; to: string; matchWeight: number }
}

/** What a model says of two records, the one with the lower key on the left. */
export interface PairExplanation {
  /** The answer in plain words. */
  sentence: string
  left: RecordKey
  right: RecordKey
  fields: FieldPair[]
  /** The first rule that holds for the two, which decides whatever they weigh. */
  rule: { name: string; decision: Decision } | null
  /** Whether the two would be looked at, and why. */
  candidate: {
    /** Whether records of their sources may be one customer. */
    inScope: boolean
    /** The first match rule by whose keys they find each other. */
    linkingRule: string | null
    /** The first blocking rule by whose keys they do. */
    blockingRule: string | null
    /** Keys that they share and that too many records do. */
    stoppedKeys?: StoppedKey[]
  }
  /** What they weigh; null where the plan compares nothing. */
  weight: PairWeight | null
}

/** A link between two records. */
export interface ExplainedLink {
  left: RecordKey
  right: RecordKey
  /** The rule that decided; null where the weight or a person did. */
  rule: string | null
  /** In bits; left out where a rule or a person decided. */
  matchWeight?: number
}

/** A link that was refused, and what kept its two groups apart. */
export type ExplainedRefusal = ExplainedLink &
  (
    | { reason: 'cannot_link'; between: [RecordKey, RecordKey] }
    | { reason: 'never_rule'; never: string; between: [RecordKey, RecordKey] }
    | { reason: 'limit'; field: string; atMost: number; found: number }
    | { reason: 'one_per_source'; source: string }
    | { reason: 'outweighed'; sum: number }
  )

/** What a person decided of two records. */
export type HandDecision = 'must_link' | 'cannot_link'

/** Why two records are one customer. */
export interface Why extends PairExplanation {
  /** Whether they are in one entity. */
  together: boolean
  /** The entities of the two. */
  entities: [string, string]
  decision?: HandDecision
  /** The links that lead from the one to the other; empty where they are apart. */
  path: ExplainedLink[]
}

/** What keeps two records apart. */
export type Obstacle =
  | { cause: 'out_of_scope'; source: string | null }
  | { cause: 'cannot_link' }
  | { cause: 'never_rule'; rule: string }
  | { cause: 'no_rule_holds' }
  | { cause: 'only_stopped_keys'; keys: StoppedKey[] }
  | { cause: 'not_a_candidate' }
  | { cause: 'below_the_cut'; matchWeight: number; cut: number }
  | { cause: 'refused'; refusal: ExplainedRefusal }

/** Why two records are not one customer. */
export interface WhyNot extends PairExplanation {
  /** What kept them apart first; null where they are together. */
  cause: Obstacle | null
  /** All that stands between them, in the order in which it is asked. */
  obstacles: Obstacle[]
  together: boolean
  entities: [string, string]
  decision?: HandDecision
  /** Every link between their entities that was refused. */
  refusals: ExplainedRefusal[]
}

/** What the pairs of records between two groups say together. */
export interface Contrast {
  pairs: number
  /** At how many of them was looked, evenly spread. */
  lookedAt: number
  /** In bits. */
  sum: number
  /** How many of those looked at speak against. */
  against: number
}

/** How an entity came together. */
export interface How {
  /** The answer in plain words. */
  sentence: string
  entityId: string
  records: RecordKey[]
  /** The links that joined it, in their order, with the sizes of the groups that they joined. */
  steps: (ExplainedLink & { sizes: [number, number]; contrast?: Contrast })[]
  /** The link without which it would most easily come apart, and the records on either side. */
  bridge?: ExplainedLink & { sides: [RecordKey[], RecordKey[]]; contrast?: Contrast }
  /** The entity that it was nearest to be joined with. */
  neighbour?: { entityId: string; records: number; refusal: ExplainedRefusal }
}

/** Candidate pairs of about one weight. */
export interface WeightBin {
  /** They weigh at least so many bits, and less than one more. */
  fromBits: number
  pairs: number
  /** How many of them are in one entity. */
  together: number
  /** How many of them should be matches. */
  expectedMatches: number
}

/** What the model believes of the outcome where nobody knows the truth. */
export interface Expectation {
  /** Candidate pairs that were looked at. */
  candidatePairs: number
  /** Each of them stands for so many. */
  oneIn: number
  expectedMatches: number
  together: number
  expectedPrecision: number
  expectedRecall: number
  weights: WeightBin[]
}

/** Which pairs to look at to learn how many of the pairs put together are right. */
export interface SamplingPlan {
  /** Pairs that were put together. */
  pairs: number
  seed: number
  /** The parts that are drawn from apart, the most doubtful first. */
  strata: { name: string; pairs: number; sample: number; expectedPrecision: number }[]
  /** The pairs to look at, each with the position of its stratum. */
  sample: { stratum: number; left: RecordKey; right: RecordKey }[]
}

/** What a sample says of all pairs. */
export interface Estimate {
  precision: number
  /** The 95 % interval of the true precision, from here... */
  low: number
  /** ... to here. */
  high: number
  /** Pairs of the sample that were looked at. */
  reviewed: number
  /** Pairs of the sample that were not. */
  missing: number
  /** Pairs that were looked at and are right. */
  right: number
}

/** A question that is worth a person's minute: whether two groups of records are one customer. */
export interface ReviewItem extends Omit<PairExplanation, 'sentence'> {
  /** The question in plain words, with what follows from either answer. */
  question: string
  reason: 'may_be_one' | 'may_be_two' | 'conflict'
  /** How many pairs of records the answer is expected to put right. */
  impact: number
  /** How likely it is that the two groups are one customer. */
  probability: number
  /** Whether they are one entity now. */
  together: boolean
  entities: [string, string]
  sizes: [number, number]
  /** The first records of each group. */
  groups: [RecordKey[], RecordKey[]]
  contrast?: Contrast
}

/** What is different in another resolution. */
export interface Difference {
  commonRecords: number
  goneRecords: number
  newRecords: number
  /** Entities of the second with the same common records as one of the first. */
  unchanged: number
  /** Entities of the second that are several whole ones of the first. */
  merged: number
  /** Entities of the second that are a part of one of the first. */
  split: number
  /** Entities of the second with parts of several of the first. */
  mixed: number
  /** Entities of the second without a common record. */
  new: number
  /** Pairs of common records that the second alone puts together. */
  joinedPairs: number
  /** Pairs of common records that the first alone put together. */
  partedPairs: number
  /** The entities that change the most pairs, of each sort. */
  examples: {
    change: 'merged' | 'split' | 'mixed'
    entityId: string
    records: number
    /** The entities of the first that its records were in. */
    was: { entityId: string; ofRecords: number; records: number; examples: RecordKey[] }[]
  }[]
}
