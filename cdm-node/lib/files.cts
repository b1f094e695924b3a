import fs = require('node:fs/promises')
import path = require('node:path')
import { fileURLToPath } from 'node:url'

import { CdmError, wrongType } from './errors.cjs'
import type { URLLike } from './inputs.cjs'

/** The path or `file:` URL of a file. */
export type FilePath = string | URLLike

/** The text of a file of JSON. */
export async function textOf(file: unknown): Promise<string> {
  const where = checked(file)
  try {
    const text = await fs.readFile(where, 'utf8')
    return text.startsWith('\ufeff') ? text.slice(1) : text
  } catch (error) {
    throw new CdmError(`cannot read ${quoted(where)}`, 'READ_FILE', { cause: error })
  }
}

/** Write a file whole or not at all: beside its place first, then moved there. */
export async function save(file: unknown, text: string): Promise<void> {
  const where = checked(file)
  const name = typeof where === 'string' ? where : fileURLToPath(where)
  const partial = path.join(path.dirname(name), `.${path.basename(name)}.partial-${process.pid}`)
  try {
    await fs.writeFile(partial, text)
    await fs.rename(partial, where)
  } catch (error) {
    await fs.rm(partial, { force: true }).catch(() => {})
    throw new CdmError(`cannot write ${quoted(where)}: nothing was written there`, 'WRITE_FILE', { cause: error })
  }
}

function checked(file: unknown): string | URL {
  if (typeof file === 'string' || file instanceof URL) return file
  throw wrongType('path', 'a string or a file: URL', file)
}

const quoted = (file: string | URL): string => JSON.stringify(String(file))
