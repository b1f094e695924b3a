import { CdmError, kindOf } from './errors.cjs'

/** A record: its source and id, or its id alone where there is one source. */
export type Key = string | number | readonly [source: string, id: string | number] | { source: string; id: string }

/** What people decided by hand: pairs of records that are one, and pairs that are not. */
export interface Decisions {
  /** Pairs that are one, whatever else is said. */
  mustLink?: Iterable<readonly [Key, Key]>
  /** Pairs that are not one, not even by way of others. */
  cannotLink?: Iterable<readonly [Key, Key]>
}

const NAMES: Record<string, string> = { mustLink: 'must_link', cannotLink: 'cannot_link' }

/** The decisions as the core's JSON; a text is such a document already. */
export function decisionsJson(decisions: unknown, sources: readonly string[], what = 'decisions'): string | undefined {
  if (decisions === undefined || decisions === null) return undefined
  if (typeof decisions === 'string') return decisions
  if (typeof decisions !== 'object' || Array.isArray(decisions)) throw invalid(`options.${what}`, 'an object', decisions)
  const document: Record<string, unknown> = { version: 1 }
  for (const [name, pairs] of Object.entries(decisions)) {
    if (pairs === undefined) continue
    const path = `${what}.${name}`
    if (typeof (pairs as Partial<Iterable<unknown>> | null)?.[Symbol.iterator] !== 'function' || typeof pairs === 'string') {
      throw invalid(path, 'an array of pairs', pairs)
    }
    const listed = [...(pairs as Iterable<unknown>)]
    document[NAMES[name] ?? name] = listed.map((pair, place) => keys(`${path}[${place}]`, pair, sources))
  }
  return JSON.stringify(document)
}

function keys(path: string, pair: unknown, sources: readonly string[]): unknown[] {
  if (!Array.isArray(pair) || pair.length !== 2) throw invalid(path, 'a pair of records', pair)
  return pair.map((key) => keyOf(path, key, sources))
}

function keyOf(path: string, key: unknown, sources: readonly string[]): unknown {
  if (Array.isArray(key)) {
    if (key.length !== 2) throw invalid(path, '[source, id]', key)
    return { source: String(key[0]), id: String(key[1]) }
  }
  if (typeof key === 'object' && key !== null) return key
  if (typeof key !== 'string' && typeof key !== 'number' && typeof key !== 'bigint') {
    throw invalid(path, '[source, id]', key)
  }
  if (sources.length !== 1) {
    throw new CdmError(`${path}: an id alone could be of any source: wanted [source, id]`, 'INVALID_DOCUMENT', { path })
  }
  return { source: sources[0], id: String(key) }
}

function invalid(path: string, wanted: string, got: unknown): CdmError {
  return new CdmError(`${path}: wanted ${wanted}, got ${kindOf(got)}`, 'INVALID_DOCUMENT', { path })
}
