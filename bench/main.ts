import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { adapterBenchmarks } from './adapters.js'
import { type Benchmark, type Rates, type Result, toResult, toTable } from './benchmark.js'
import { caseBenchmarks } from './cases.js'
import { claimBenchmarks } from './claims.js'
import { coldStartBenchmarks } from './cold-start.js'
import { dropGrown, growthBenchmarks } from './growth.js'
import { ingestBenchmarks } from './ingest.js'
import { limitBenchmarks } from './limits.js'
import { runMain } from './run-main.js'
import { serverBenchmarks } from './servers.js'
import { signatureBenchmarks } from './signature.js'
import { sizeBenchmarks } from './sizes.js'

/*
 * Measures how fast things are, each side by side with what it is held against: `npm run bench`, with `-- --json FILE` for
 * a file of the results too, `-- --rounds N` for other than five rounds, and `-- --only TEXT` for some of it. Ends with 1
 * when a bound is missed.
 */

const BENCHMARKS: readonly Benchmark[] = [
  ...signatureBenchmarks,
  ...ingestBenchmarks,
  ...serverBenchmarks,
  ...limitBenchmarks,
  ...adapterBenchmarks,
  ...growthBenchmarks,
  ...caseBenchmarks,
  ...coldStartBenchmarks,
  ...sizeBenchmarks,
  ...claimBenchmarks,
]

async function main(): Promise<number> {
  const options = {
    json: { type: 'string' },
    rounds: { type: 'string' },
    only: { type: 'string', default: '' },
  } as const
  const { values } = parseArgs({ options })
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
    throw new Error('--rounds must be a whole number above 0.')
  }
  const chosen = BENCHMARKS.filter(({ name }) => name.includes(values.only))
  if (chosen.length === 0)
    throw new Error(`No benchmark is called so. There are: ${BENCHMARKS.map(({ name }) => name).join('; ')}.`)
  const results: Result[] = []
  try {
    for (const benchmark of chosen) results.push(await run(benchmark, rounds ?? benchmark.rounds ?? 5))
  } finally {
    await dropGrown()
  }
  console.log(`\n${toTable(results)}`)
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(results, null, 2)}\n`)
  return results.every(({ holds }) => holds) ? 0 : 1
}

async function run(benchmark: Benchmark, rounds: number): Promise<Result> {
  console.log(`\n${benchmark.name}`)
  const log = (line: string) => console.log(`  ${line}`)
  const running = await benchmark.start(log)
  try {
    const measured: Rates[] = []
    for (let round = 1; round <= rounds; round++) {
      const rates = await running.measure(round)
      const { unit = 'a second' } = benchmark
      log(`round ${round} of ${rounds}: ${rates.ours.toFixed(1)} to ${rates.theirs.toFixed(1)} ${unit}`)
      measured.push(rates)
    }
    return toResult(benchmark, measured)
  } finally {
    await running.stop()
  }
}

runMain(main)
