import { CdmError, kindOf } from './errors.cjs'

/** A record: its source and id, or its id alone where there is one source. */
export type Key =
  | string
  | number
  | readonly [source: string, id: string | number]
  | { readonly source: string; readonly id: string | number }

/** What people decided by hand: pairs of records that are one, and pairs that are not. */
export interface Decisions {
  /** Which form it has; 1 where left out. */
  version?: 1
  /** Pairs that are one, whatever else is said. */
  mustLink?: Iterable<readonly [Key, Key]>
  /** Pairs that are not one, not even by way of others. */
  cannotLink?: Iterable<readonly [Key, Key]>
}

/** A pair that somebody looked at, and whether the two are one customer. */
export type Label = readonly [left: Key, right: Key, isMatch: boolean]

/** Pairs that somebody looked at: one by one, or as decisions, which then teach and bind nobody. */
export type Labels = Iterable<Label> | Decisions

const NAMES: Record<string, string> = { mustLink: 'must_link', cannotLink: 'cannot_link' }

/** The decisions as the core's JSON; a text is such a document already. */
export function decisionsJson(decisions: unknown, sources: readonly string[], what = 'decisions'): string | undefined {
  if (decisions === undefined || decisions === null) return undefined
  if (typeof decisions === 'string') return decisions
  if (typeof decisions !== 'object' || Array.isArray(decisions)) throw invalid(`options.${what}`, 'an object', decisions)
  const document: Record<string, unknown> = { version: 1 }
  for (const [name, pairs] of Object.entries(decisions)) {
    if (pairs === undefined) continue
    if (name === 'version') {
      document[name] = pairs
      continue
    }
    const path = `${what}.${name}`
    if (!isIterable(pairs)) throw invalid(path, 'an array of pairs', pairs)
    document[NAMES[name] ?? name] = [...pairs].map((pair, place) => keys(`${path}[${place}]`, pair, sources))
  }
  return JSON.stringify(document)
}

/** Labels as decisions in JSON. */
export function labelsJson(labels: unknown, sources: readonly string[]): string | undefined {
  if (!isIterable(labels)) return decisionsJson(labels, sources, 'labels')
  const document: Record<string, unknown[]> = { must_link: [], cannot_link: [] }
  let place = 0
  for (const label of labels) {
    const path = `labels[${place}]`
    if (!Array.isArray(label) || label.length !== 3) throw invalid(path, '[left, right, whether they are one]', label)
    const [left, right, isMatch] = label as unknown[]
    if (typeof isMatch !== 'boolean') throw invalid(`${path}[2]`, 'whether they are one', isMatch)
    document[isMatch ? 'must_link' : 'cannot_link']?.push(keys(path, [left, right], sources))
    place += 1
  }
  return JSON.stringify({ version: 1, ...document })
}

/** Labels that must be there. */
export function givenLabels(labels: unknown, sources: readonly string[]): string {
  const json = labelsJson(labels, sources)
  if (json === undefined) throw invalid('labels', 'an array of [left, right, whether they are one]', labels)
  return json
}

/** The source and the id of one record. */
export function recordKey(name: string, key: unknown, sources: readonly string[]): [string, string] {
  const { source, id } = keyOf(name, key, sources) as { source?: unknown; id?: unknown }
  if (typeof source !== 'string' || !isId(id)) throw invalid(name, '[source, id]', key)
  return [source, String(id)]
}

function keys(path: string, pair: unknown, sources: readonly string[]): unknown[] {
  if (!Array.isArray(pair) || pair.length !== 2) throw invalid(path, 'a pair of records', pair)
  return pair.map((key) => keyOf(path, key, sources))
}

function keyOf(path: string, key: unknown, sources: readonly string[]): object {
  if (Array.isArray(key)) {
    if (key.length !== 2 || !isId(key[0]) || !isId(key[1])) throw invalid(path, '[source, id]', key)
    return { source: String(key[0]), id: String(key[1]) }
  }
  if (typeof key === 'object' && key !== null) {
    const { id } = key as { id?: unknown }
    return typeof id === 'number' || typeof id === 'bigint' ? { ...key, id: String(id) } : key
  }
  if (!isId(key)) throw invalid(path, '[source, id]', key)
  if (sources.length !== 1) {
    throw new CdmError(`${path}: an id alone could be of any source: wanted [source, id]`, 'INVALID_DOCUMENT', { path })
  }
  return { source: sources[0], id: String(key) }
}

const isId = (id: unknown): boolean => typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint'

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] === 'function'
}

function invalid(path: string, wanted: string, got: unknown): CdmError {
  return new CdmError(`${path}: wanted ${wanted}, got ${kindOf(got)}`, 'INVALID_DOCUMENT', { path })
}
