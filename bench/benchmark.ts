/** One comparison: how fast something of ours is, as a ratio to what it is held against, both in one run. */
export interface Benchmark {
  readonly name: string
  /** The least ratio that is good enough; null where it is only told. */
  readonly bound: number | null
  /** What the numbers count, for who watches. Default: `a second`. */
  readonly unit?: string
  /** How often it is measured where nobody says otherwise. Default 5. */
  readonly rounds?: number
  /** Starts what the rounds need. */
  start(log: (line: string) => void): Promise<RunningBenchmark>
}

/** A benchmark whose surroundings are up. */
export interface RunningBenchmark {
  /** Measures both sides, one right after the other. */
  measure(round: number): Promise<Rates>
  stop(): Promise<void>
}

/** What both sides did, per second; or where a limit is to be kept, the limit and what was measured. */
export interface Rates {
  readonly ours: number
  readonly theirs: number
}

/** Measures both, one after the other. Who goes first, and finds the machine colder, changes with each round. */
export async function measureBoth(
  round: number,
  { ours, theirs }: { readonly [Side in keyof Rates]: () => Promise<number> },
): Promise<Rates> {
  if (round % 2 === 0) return { ours: await ours(), theirs: await theirs() }
  const first = await theirs()
  return { ours: await ours(), theirs: first }
}

/** The outcome of all rounds of one benchmark: the median ratio, and its spread. */
export interface Result {
  readonly name: string
  readonly ratio: number
  readonly min: number
  readonly max: number
  readonly bound: number | null
  readonly holds: boolean
}

/** Returns what the rounds come to. */
export function toResult({ name, bound }: Benchmark, rounds: readonly Rates[]): Result {
  const ratios = rounds.map(({ ours, theirs }) => ours / theirs).sort((left, right) => left - right)
  const ratio = ratios[Math.floor(ratios.length / 2)] ?? Number.NaN
  return {
    name,
    ratio,
    min: ratios[0] ?? ratio,
    max: ratios.at(-1) ?? ratio,
    bound,
    holds: bound === null || ratio >= bound,
  }
}

/** Returns the results as a table for the terminal. */
export function toTable(results: readonly Result[]): string {
  const width = Math.max(...results.map(({ name }) => name.length))
  const lines = results.map(({ name, ratio, min, max, bound, holds }) => {
    const verdict = bound === null ? 'told only' : `${holds ? 'holds' : 'MISSED'}: at least ${bound}`
    return `${name.padEnd(width)}  ${ratio.toFixed(2)}  (${min.toFixed(2)} to ${max.toFixed(2)})  ${verdict}`
  })
  return [`${''.padEnd(width)}  ratio`, ...lines].join('\n')
}
