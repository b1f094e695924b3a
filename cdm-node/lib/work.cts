import { wrongType } from './errors.cjs'
import { count } from './options.cjs'
import native = require('../native.js')

/** How far one stage of long work is. */
export interface Progress {
  /** The stage, such as `"read"`, `"normalize"` or `"match"`. */
  stage: string
  /** How much is done, in the stage's own unit; never falls within a stage. */
  done: number
  /** How much there is to do; 0 where it is not known. */
  total: number
}

/** What of an `AbortSignal` is looked at, so that the types need no others. */
export interface Signal {
  readonly aborted: boolean
  readonly reason?: unknown
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** What any long work may be given. */
export interface WorkOptions {
  /** Stops the work: the promise is rejected with the signal's `reason`, at once. */
  signal?: Signal | null
  /** Is told how far the work is, some twenty times a second. What it throws stops the work. */
  onProgress?: ((progress: Progress) => void) | null
}

export const WORK_OPTIONS = ['signal', 'onProgress'] as const

/** What fitting and resolving may be given as well. */
export interface LimitedWorkOptions extends WorkOptions {
  /**
   * The most bytes of memory that it may take, reading included, beside what the process has already. On
   * Linux what is large lies in a temporary file then (in `TMPDIR`, else in `/var/tmp`), of which as much is
   * in memory as may be; elsewhere the work goes in passes where all at once would take more, as
   * `plan.estimate` tells it. Either takes longer and gives the same. Less than is needed is the error
   * `MEMORY_LIMIT`.
   */
  memoryLimit?: number | null
}

export const LIMITED_WORK_OPTIONS = [...WORK_OPTIONS, 'memoryLimit'] as const

/** How often progress is told, in milliseconds. */
const TELLING_MS = 50

/** How long this thread may work on rows before others get their turn, in milliseconds. */
const SLICE_MS = 4

/** A piece of long work as its makers see it. */
export class Work {
  readonly job: native.Job
  #stopped = false
  #since = performance.now()

  /** What is done at once when the work is stopped. */
  atStop: (() => void) | undefined

  constructor(memoryLimit?: number) {
    this.job = new native.Job(memoryLimit)
  }

  stop(): void {
    this.#stopped = true
    this.job.cancel()
    this.atStop?.()
  }

  /** Whether nobody waits for the outcome any more. */
  get isStopped(): boolean {
    return this.#stopped
  }

  /** Whether it is time for the event loop's other business. */
  get isDue(): boolean {
    return performance.now() - this.#since > SLICE_MS
  }

  /** Let the event loop turn. */
  async breathe(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    this.#since = performance.now()
    if (this.#stopped) throw new Stopped()
  }
}

/** Ends work that nobody waits for; never seen outside. */
class Stopped extends Error {}

/**
 * Do long work, until it is done, or the signal or the callback stop it.
 *
 * `discard` gets what was made although nobody waits for it any more.
 */
export async function work<T>(
  options: LimitedWorkOptions,
  body: (work: Work) => Promise<T>,
  discard?: (late: T) => void,
): Promise<T> {
  const signal = checkedSignal(options.signal)
  const onProgress = options.onProgress ?? undefined
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw wrongType('options.onProgress', 'a function', onProgress)
  }
  const memoryLimit = options.memoryLimit ?? undefined
  if (memoryLimit !== undefined) count('options.memoryLimit', memoryLimit)
  if (signal?.aborted) throw signal.reason
  const piece = new Work(memoryLimit)
  let timer: NodeJS.Timeout | undefined
  let onAbort: (() => void) | undefined
  const stopped = new Promise<never>((_, reject) => {
    const stop = (reason: unknown): void => {
      piece.stop()
      reject(reason)
    }
    if (signal) {
      onAbort = () => stop(signal.reason)
      signal.addEventListener('abort', onAbort)
    }
    if (onProgress) {
      timer = setInterval(() => {
        try {
          tell(piece, onProgress)
        } catch (error) {
          stop(error)
        }
      }, TELLING_MS)
      timer.unref()
    }
  })
  // Each is looked at below; neither may count as unhandled when the other comes first.
  stopped.catch(() => {})
  const outcome = body(piece)
  outcome.then(
    (late) => piece.isStopped && discard?.(late),
    () => {},
  )
  try {
    const result = await Promise.race([outcome, stopped])
    if (onProgress) tell(piece, onProgress)
    return result
  } finally {
    clearInterval(timer)
    if (onAbort) signal?.removeEventListener('abort', onAbort)
  }
}

function tell(piece: Work, onProgress: (progress: Progress) => void): void {
  const news = piece.job.progress()
  if (news) onProgress({ stage: news[0], done: news[1], total: news[2] })
}

function checkedSignal(signal: Signal | null | undefined): Signal | undefined {
  if (signal === undefined || signal === null) return undefined
  if (typeof signal !== 'object' || typeof signal.addEventListener !== 'function') {
    throw wrongType('options.signal', 'an AbortSignal', signal)
  }
  return signal
}
