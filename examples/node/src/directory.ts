// Who is known, and who of them a newcomer may be.
import { createReadStream } from 'node:fs'
import { randomUUID } from 'node:crypto'
import readline from 'node:readline'
import path from 'node:path'

import { type Kind, Model, normalize, type Plan } from 'cdm'

/** What somebody says of themselves: the fields of the plan. */
export type Person = Record<string, string | string[] | null>

/** Who somebody is. */
export interface Answer {
  status: 'known' | 'unsure' | 'new'
  /** Who it is, or may be; the newcomer's own number where nobody is like them. */
  id: string
  probability: number
}

/** From which probability on somebody is taken for known, and from which on a person should look. */
const KNOWN = 0.95
const UNSURE = 0.5

/** How many of those who share a key are looked at. */
const MOST = 200

/**
 * The known customers, in memory, found by what two records of one person nearly always share: an
 * e-mail address, a phone, the sound of the surname with the birth date. The model says how alike the
 * two then are.
 */
export class Directory {
  readonly #model: Model
  readonly #fields: [name: string, kind: Kind][]
  readonly #region: string | undefined
  readonly #people = new Map<string, Person>()
  readonly #byKey = new Map<string, Set<string>>()

  private constructor(model: Model, plan: Plan) {
    this.#model = model
    this.#fields = Object.entries(plan.fields)
    this.#region = plan.toObject().region
  }

  /** What `batch` left in a folder. */
  static async open(folder: string): Promise<Directory> {
    const model = await Model.load(path.join(folder, 'model.json'))
    const directory = new Directory(model, model.plan)
    const lines = readline.createInterface({ input: createReadStream(path.join(folder, 'golden.jsonl')) })
    for await (const line of lines) {
      const { entityId, records: _, sources: __, time: ___, ...person } = JSON.parse(line) as Person & { entityId: string }
      directory.add(entityId, person)
    }
    return directory
  }

  get size(): number {
    return this.#people.size
  }

  /** The fields that a person may have. */
  get fields(): string[] {
    return this.#fields.map(([name]) => name)
  }

  /** Know somebody from now on. */
  add(id: string, person: Person): void {
    this.#people.set(id, person)
    for (const key of this.#keys(person)) {
      const ids = this.#byKey.get(key) ?? new Set()
      this.#byKey.set(key, ids.add(id))
    }
  }

  /** Who this is; whoever is like nobody is known from now on. */
  signUp(person: Person): Answer {
    const best = this.#candidates(person)
      .map((id) => ({ id, probability: this.#probability(person, this.#people.get(id) ?? {}) }))
      .reduce((one, other) => (other.probability > one.probability ? other : one), { id: '', probability: 0 })
    if (best.probability >= KNOWN) return { status: 'known', ...best }
    if (best.probability >= UNSURE) return { status: 'unsure', ...best }
    const id = randomUUID()
    this.add(id, person)
    return { status: 'new', id, probability: best.probability }
  }

  #probability(one: Person, other: Person): number {
    const { decision, matchProbability } = this.#model.score(one, other)
    if (decision !== null) return decision === 'match' ? 1 : 0
    return matchProbability ?? 0
  }

  #candidates(person: Person): string[] {
    const found = new Set<string>()
    for (const key of this.#keys(person)) {
      const ids = this.#byKey.get(key)
      // A key that so many share says nothing of anybody.
      if (ids && ids.size <= MOST) for (const id of ids) found.add(id)
    }
    return [...found]
  }

  #keys(person: Person): string[] {
    const context = this.#region === undefined ? {} : { region: this.#region }
    const keys: string[] = []
    const [sounds, dates]: [string[], string[]] = [[], []]
    for (const [name, kind] of this.#fields) {
      for (const value of [person[name] ?? []].flat()) {
        const { canonical } = normalize.value(kind, value, context).forms
        if (canonical === undefined) continue
        if (kind === 'email' || kind === 'phone' || kind === 'identifier') keys.push(`${kind}:${canonical}`)
        if (kind === 'family_name') sounds.push(...normalize.phoneticCodes(canonical))
        if (kind === 'date') dates.push(canonical)
      }
    }
    for (const sound of sounds) for (const date of dates) keys.push(`${sound}:${date}`)
    return keys
  }
}
