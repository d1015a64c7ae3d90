import { randomInt } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { runMain } from './run-main.js'
import { COMPARISONS, type Comparison } from './timing-comparisons.js'
import { type Crop, compare, toCrops, type WelchResult } from './welch.js'

/*
 * Measures whether the time of a check tells what it has found: `npm run bench:timing`, with `-- --pairs N` for other than
 * a million pairs, `-- --runs N` for other than three runs, `-- --only TEXT` for some of it, `-- --json FILE`. Ends with 1
 * when it does.
 *
 * The way is that of dudect (Reparaz, Balasch, Verbauwhede: Dude, is my code constant time?, 2017): two kinds of input, one
 * of each in a pair, in an order that is drawn by lot, each made before its time is taken; the slowest measurements, which
 * are those of the machine, are left out above quantiles of measurements that were made before; and the rest is compared by
 * Welch's t-test. A difference is taken for one where |t| is 4.5 or more at any of the quantiles.
 */

const QUANTILES = [0.5, 0.9, 0.99, 1]
const BOUND = 4.5
const WARM_UP_PAIRS = 50_000

interface RunResult {
  readonly name: string
  readonly expected: Comparison['expected']
  readonly run: number
  readonly load: number
  readonly results: readonly WelchResult[]
  readonly holds: boolean
}

async function main(): Promise<number> {
  const options = {
    pairs: { type: 'string', default: '1000000' },
    runs: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    json: { type: 'string' },
  } as const
  const { values } = parseArgs({ options })
  const pairs = toCount('--pairs', values.pairs)
  const runs = toCount('--runs', values.runs)
  const chosen = COMPARISONS.filter(({ name }) => name.includes(values.only))
  const results: RunResult[] = []
  for (let run = 1; run <= runs; run++) {
    console.log(`run ${run} of ${runs}, ${pairs} pairs each; t at the quantiles ${QUANTILES.join(', ')}`)
    for (const comparison of chosen) {
      const result = await measure(comparison, pairs, run)
      results.push(result)
      console.log(toLine(result))
    }
  }
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(results, null, 2)}\n`)
  return results.every(({ holds }) => holds) ? 0 : 1
}

async function measure(comparison: Comparison, pairs: number, run: number): Promise<RunResult> {
  await takeTimes(comparison, WARM_UP_PAIRS)
  const before = await takeTimes(comparison, WARM_UP_PAIRS)
  const crops: readonly Crop[] = toCrops(Float64Array.from([...before[0], ...before[1]]), QUANTILES)
  const [left, right] = await takeTimes(comparison, pairs)
  const results = crops.map((crop) => compare(left, right, crop))
  const isSame = results.every(({ t }) => Math.abs(t) < BOUND)
  const { name, expected } = comparison
  return { name, expected, run, load: loadavg()[0] ?? Number.NaN, results, holds: isSame === (expected === 'same') }
}

/** The times of both kinds, in milliseconds. */
type Times = readonly [left: Float64Array, right: Float64Array]

async function takeTimes({ prepare }: Comparison, pairs: number): Promise<Times> {
  const times: Times = [new Float64Array(pairs), new Float64Array(pairs)]
  for (let pair = 0; pair < pairs; pair++) {
    const first = randomInt(2)
    for (let turn = 0; turn < 2; turn++) {
      const side = first === turn ? 0 : 1
      const { run, check } = prepare(side)
      const startedAt = performance.now()
      const answer = run()
      const awaited = answer instanceof Promise ? await answer : answer
      const endedAt = performance.now()
      times[side][pair] = endedAt - startedAt
      check(awaited)
    }
  }
  return times
}

function toLine({ name, expected, results, holds, load }: RunResult): string {
  const ts = results.map(({ t }) => t.toFixed(2).padStart(8)).join('')
  const [, middle] = results
  const spread =
    middle === undefined ? '' : `${middle.differenceNs.toFixed(1)} ns of ${middle.deviationNs.toFixed(0)} ns`
  const verdict = `${holds ? 'holds' : 'MISSED'}: ${expected}`
  return `  ${name.padEnd(66)}${ts}  ${spread.padEnd(24)}  load ${load.toFixed(1)}  ${verdict}`
}

function toCount(name: string, text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1) throw new Error(`${name} must be a whole number above 0.`)
  return count
}

runMain(main)
