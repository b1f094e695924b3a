// Customers as CSV on standard input, or in files; golden records and the model into a folder.
//
//   node dist/batch.js --out customers < customers.csv
//   node dist/batch.js --out customers crm=crm.csv shop=shop.jsonl
//
// With --model, customers are resolved by what was learned before.
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'

import { type Data, Model, type Progress, type Resolution, resolve, type Table } from 'cdm'

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { out: { type: 'string' }, region: { type: 'string' }, model: { type: 'string' } },
  })
  const { out, region, model } = values
  if (out === undefined) throw new Error('wanted --out FOLDER')
  // Ctrl-C stops the work at once, and leaves nothing half-done behind.
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort(new Error('interrupted')))
  const options = { signal: controller.signal, onProgress: told() }
  const data = positionals.length > 0 ? files(positionals) : process.stdin
  await using resolution = model
    ? await (await Model.load(model)).resolve(data, options)
    : await resolve(data, { ...options, ...(region && { region }) })
  await mkdir(out, { recursive: true })
  await resolution.model.save(path.join(out, 'model.json'))
  await lines(resolution.goldenRecords, path.join(out, 'golden.jsonl'))
  await lines(resolution.entities, path.join(out, 'entities.jsonl'))
  await tell(resolution)
}

/** `crm=crm.csv` by the source's name; a path alone by the file's. */
function files(given: string[]): Data {
  const named = given.map((item) => {
    const at = item.indexOf('=')
    return at < 0 ? [path.parse(item).name, item] : [item.slice(0, at), item.slice(at + 1)]
  })
  return Object.fromEntries(named) as { [source: string]: string }
}

/** One row a line. What is not written yet is not made yet either. */
async function lines<R>(table: Table<R>, file: string): Promise<void> {
  async function* texts(): AsyncGenerator<string> {
    for await (const rows of table.chunks(1000)) yield `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`
  }
  await pipeline(Readable.from(texts()), createWriteStream(file))
}

/** A line for every stage, on a terminal. */
function told(): (progress: Progress) => void {
  let last = ''
  return ({ stage, done, total }) => {
    if (!process.stderr.isTTY) return
    if (stage !== last) process.stderr.write(last === '' ? '' : '\n')
    last = stage
    const share = total > 0 ? ` ${Math.floor((100 * done) / total)} %` : ''
    process.stderr.write(`\r${stage}${share}`)
  }
}

async function tell(resolution: Resolution): Promise<void> {
  const { records, entities, singletons } = await resolution.summary()
  console.log(`${records} records make ${entities} entities, ${singletons} of one record`)
  for (const warning of await resolution.warnings()) console.log(`look at: ${warning}`)
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
