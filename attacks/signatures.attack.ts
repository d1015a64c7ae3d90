import { expect, it } from 'vitest'
import { attackSignatures } from '../packages/core/test/signature-attack/attack.js'
import { tell, toRounds } from './rounds.js'

const DELIVERIES = toRounds(1_000_000)
const SEED = Number(process.env.ATTACK_SEED ?? Math.floor(Math.random() * 2 ** 32))

it(`${DELIVERIES} mutated deliveries get the answers that an oracle gives, and no exception`, async () => {
  tell(`ATTACK_SEED=${SEED} repeats this`)
  const startedAt = performance.now()
  const report = await attackSignatures({ count: DELIVERIES, seed: SEED })
  const seconds = (performance.now() - startedAt) / 1000
  tell(`${DELIVERIES} deliveries in ${seconds.toFixed(1)} s, ${Math.round(DELIVERIES / seconds)} a second`)
  tell(`left as they are, and accepted: ${report.controls}; the others: ${JSON.stringify(report.verdicts)}`)
  tell(`mutations: ${JSON.stringify(report.mutations)}`)
  expect(report.failures).toEqual([])
  expect(report.controls).toBe(Math.ceil(DELIVERIES / 50))
})
