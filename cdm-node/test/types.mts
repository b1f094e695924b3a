// Never run: `tsc` checks that the types of the ES module say what it does.
import cdm, { CdmError, estimate, evaluatePartition, Model, normalize, Plan, resolve, Resolution, Store, Table, version } from 'cdm'
import type { Answer, Chart, Context, Data, Explanation, How, KeptDecisions, Label, PairExplanation, ReviewItem, SamplingPlan, Why, GoldenRecord, Hit, Kind, LinkRow, Normalized, Normalizers, PlanDocument, Progress, Row, Score, ScoreWithLevels, StoredRecord, Summary } from 'cdm'

interface Customer {
  id: number
  born: Date
  emails: string[]
}

type Camel<Name extends string> = Name extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : Name
const everyKindHasAFunction: Record<Camel<Kind>, (value: string, options?: Context) => Normalized> = normalize
const all: Normalizers = normalize

const answer: Normalized = cdm.normalize.date('03/04/2001', { region: 'US', dateOrder: 'month_first', latestTwoDigitYear: 2029 })
const canonical: string | undefined = answer.forms.canonical
const aliases: string[] | undefined = normalize.fullName('Robert (Bob) Jones').forms.alias
const code: string = new CdmError('what was wanted', 'CODE').code
// @ts-expect-error
normalize.value('emial', 'a@example.org')
// @ts-expect-error
normalize.email(5)
// @ts-expect-error
normalize.email('a@example.org', { dateOrder: 'dayFirst' })


declare const customers: Customer[]
declare const stream: AsyncIterable<Customer>
declare const bytes: AsyncIterable<Uint8Array>
declare const signal: { aborted: boolean; reason: Error; addEventListener(type: string, f: () => void): void; removeEventListener(type: string, f: () => void): void }
const plan: Plan = await Plan.infer(customers, { id: 'id', region: 'GB', signal, onProgress: ({ stage, done }: Progress) => void [stage, done] })
const document: PlanDocument = plan.toObject()
const model: Model = await new Plan(document).fit({ crm: stream, shop: bytes, file: 'people.csv' })
const resolution: Resolution = await model.resolve(customers, { decisions: { mustLink: [[1, 2], [['crm', 1], ['shop', 'a']]] } })
const one: Resolution = await resolve([customers, stream, 'people.csv'], { plan: model, linkType: 'link' })
const links: Table<LinkRow> = resolution.links
const golden: GoldenRecord[] = await resolution.goldenRecords.toArray({ limit: 5 })
for await (const { matchWeight } of links) {
  const weight: number | null = matchWeight
  void weight
}
const numbers: Int32Array = await resolution.entityNumbers()
const summary: Summary = await resolution.summary()
const many: Normalized[] = await normalize.values('email', ['a@example.org', null])
const [customer] = customers as [Customer]
const score: Score = model.score(customer, { emails: ['ann@li.example'], born: null })
const levels: ScoreWithLevels['levels'] = model.score(customer, customer, { levels: true }).levels
// @ts-expect-error
model.score(customer, { address: { city: 'Leeds' } })
const store: Store = await Store.open('people', { model, durability: { withinMs: 20 }, key: new Uint8Array(32) })
const entity: string = await store.upsert(customer)
await store.upsertMany(stream, { signal })
const [hit]: Hit[] = store.search({ emails: ['ann@li.example'] }, { limit: 3 })
for await (const event of store.subscribe({ since: 7 })) {
  if (event.type === 'merged') event.absorbed.join()
  // @ts-expect-error
  event.records.length
}
const lines: number = await store.export('people.jsonl', { signal })
await store.import('people.jsonl')
await store.compact()
const lost: string | undefined = store.lineage(entity)?.fields['email']?.lost[0]?.raw
const stored: StoredRecord | null = store.get(['crm', 1])
if (stored) await model.explain(stored, stored)
// @ts-expect-error
store.delete('crm')
const why: Explanation<Why> = await resolution.why(['crm', 1], { source: 'shop', id: 'a' })
const [json, chart]: [string, Chart | null] = [why.json, why.chart]
const term: number | undefined = why.weight?.comparisons[0]?.termFrequency?.weight
const { cause } = await resolution.whyNot(1, 2)
if (cause?.cause === 'refused' && cause.refusal.reason === 'limit') cause.refusal.atMost.toFixed()
// @ts-expect-error
if (cause?.cause === 'never_rule') cause.refusal
// @ts-expect-error
resolution.why(['crm'], 1)
const how: How = await resolution.how('9p5')
const questions: Answer<ReviewItem[]> = await resolution.review({ most: 5, signal })
const labels: Label[] = questions.map(({ left, right, together }) => [left, right, together])
const sampled: SamplingPlan = await resolution.sample(50, { seed: 2 })
const interval: [number, number] = await estimate(sampled, labels).then(({ low, high }) => [low, high])
const recall: number | undefined = (await resolution.evaluatePairs(labels, { complete: true })).labelledPairs?.recall
const kept: KeptDecisions = await resolution.decisions()
await model.resolve(customers, { decisions: kept })
await plan.resolve(customers, { labels, decisions: { cannotLink: [[1, 2]] } })
const merged: number = (await resolution.compare(one)).merged
const page: string = await resolution.report({ path: 'report.html', redact: true, truth: customers, entity: 'is', signal })
const spread: Chart | null = await resolution.weights()
const exact: number = (await evaluatePartition(['a', 1], ['b', null])).exactRate
const pair: Explanation<PairExplanation> = await model.explain(customer, { emails: ['ann@li.example'] })
// @ts-expect-error
why.json = ''
// @ts-expect-error
resolution.report({ redacted: true })
// @ts-expect-error
resolution.compare({})
const f1: number = (await resolution.evaluate(customers, { entity: 'is' })).f1
await using closed = resolution
using both = model
const data: Data = new Set<Row>()
// @ts-expect-error
resolve(5)
// @ts-expect-error
resolve(customers, { regoin: 'GB' })
// @ts-expect-error
resolve(customers, { linkType: 'dedup' })
// @ts-expect-error
new Plan({ version: 1, name: 'p', fields: [{ name: 'email', kind: 'emial' }] })
// @ts-expect-error
new Model()
// @ts-expect-error
const text: string = resolution.size

export { all, both, closed, entity, hit, stored, levels, score, data, f1, golden, many, numbers, one, summary }
export { chart, exact, how, interval, json, lines, lost, merged, page, pair, recall, spread, term }
export { aliases, canonical, code, everyKindHasAFunction, version }
