import type { Kind } from './normalize.cjs'

/** Which pairs of records may be linked: any two, two of different sources, or any two of several. */
export type LinkType = 'dedupe' | 'link' | 'link_and_dedupe'

/** How to read a date such as 03/04/2001. */
export type DateOrder = 'day_first' | 'month_first'

/** A field of a plan. */
export interface FieldDocument {
  name: string
  kind: Kind
  region?: string
  region_from?: string
  date_order?: DateOrder
}

/** How the columns of a source become fields. */
export interface MappingDocument {
  id?: string
  source?: string
  time?: string
  fields: { field: string; columns: string[]; part?: string; separator?: string }[]
}

/** What is known of a source. */
export interface SourceDocument {
  name: string
  region?: string
  duplicate_free?: boolean
  mapping?: MappingDocument
  reading?: {
    delimiter?: string | null
    quote?: string
    encoding?: string | null
    max_record_bytes?: number
    max_rejected_kept?: number
  }
}

/** A deterministic rule. */
export interface RuleDocument {
  name: string
  decision: 'match' | 'never'
  same?: string[]
  differ?: string[]
}

/** A condition of a comparison's level: its name, or an object of its name to its settings. */
export type ConditionDocument = string | { [condition: string]: unknown }

/** What is compared about a pair of records. */
export interface ComparisonDocument {
  name: string
  fields: string[]
  levels: { label: string; when: ConditionDocument; counted_elsewhere?: boolean }[]
}

/** A way in which two different customers come to agree. */
export interface CoincidenceDocument {
  name: string
  shares: string[]
  common_cause?: boolean
  at_most?: unknown
}

/** How the values of a golden record are chosen. */
export interface SurvivorshipDocument {
  fields: string[]
  strategy:
    | 'most_recent'
    | 'source_priority'
    | 'most_frequent'
    | 'most_complete'
    | 'longest'
    | 'min'
    | 'max'
    | 'union'
    | 'first_valid'
    | 'most_restrictive'
    | 'latest_decision'
  sources?: string[]
  order?: string[]
}

/**
 * A plan as a document: the same JSON in every language, which is why its members keep their names.
 * `Plan.jsonSchema()` describes it to the last detail, and every plan is checked by the core.
 */
export interface PlanDocument {
  version: 1
  name: string
  region?: string
  fields: FieldDocument[]
  sources?: SourceDocument[]
  link_type?: LinkType
  rules?: RuleDocument[]
  blocking?: { same: string[] }[]
  comparisons?: ComparisonDocument[]
  coincidences?: CoincidenceDocument[]
  guards?: {
    blocked?: { [field: string]: string[] }
    limits?: { field: string; at_most: number; priority?: number }[]
    max_records_per_key?: number
  }
  survivorship?: SurvivorshipDocument[]
}

/** A model as a document: its plan, and what was learned. */
export interface ModelDocument {
  version: 1
  plan: PlanDocument
  date_orders?: { [source: string]: { [field: string]: DateOrder } }
  stop_keys?: { [rule: string]: string[][] }
  blocking_stop_keys?: { [rule: string]: string[][] }
  parameters?: { [parameter: string]: unknown }
}
