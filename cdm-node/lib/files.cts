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

/** Write a file whole or not at all. */
export async function save(file: unknown, text: string): Promise<void> {
  await whole(file, (partial) => fs.writeFile(partial, text))
}

/** Let a file be written whole or not at all: beside its place first, then moved there. */
export async function whole<T>(file: unknown, write: (partial: string) => Promise<T>): Promise<T> {
  const where = checked(file)
  const name = pathOf(where)
  const partial = path.join(path.dirname(name), `.${path.basename(name)}.partial-${process.pid}`)
  try {
    const written = await write(partial)
    await fs.rename(partial, name)
    return written
  } catch (error) {
    await fs.rm(partial, { force: true }).catch(() => {})
    // What says what it is, such as that the work was stopped, is not about the file.
    if (error instanceof CdmError && !ABOUT_FILES.includes(error.code)) throw error
    throw new CdmError(`cannot write ${quoted(where)}: nothing was written there`, 'WRITE_FILE', { cause: error })
  }
}

const ABOUT_FILES = ['WRITE_FILE', 'WRITE_STREAM']

/** The path of a file. */
export function pathOf(file: unknown): string {
  const where = checked(file)
  if (typeof where === 'string') return where
  try {
    return fileURLToPath(where)
  } catch (error) {
    throw new CdmError('a URL is not of a file: wanted one that begins with file:', 'READ_FILE', { cause: error })
  }
}

function checked(file: unknown): string | URL {
  if (typeof file === 'string' || file instanceof URL) return file
  throw wrongType('path', 'a string or a file: URL', file)
}

const quoted = (file: string | URL): string => JSON.stringify(String(file))
