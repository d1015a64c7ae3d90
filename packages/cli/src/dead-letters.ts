import type { DeadLetter, KycEngine } from '@persona-kyc/core'
import { defineCommand } from 'citty'
import { DATABASE_ARGS, withLocalEngine } from './environment.js'
import { toRepeatable, UsageError } from './usage.js'

export const deadLettersCommand = defineCommand({
  meta: { name: 'dead-letters', description: 'Lists what followers have put aside, or has it handled again' },
  args: {
    action: { type: 'positional', description: 'list or replay', required: false, default: 'list' },
    consumer: { type: 'string', description: 'Of this consumer only; replay needs one', valueHint: 'NAME' },
    case: { type: 'string', description: 'Replay those of this case only', valueHint: 'CASE_ID' },
    ...DATABASE_ARGS,
  },
  async run({ args: { action, consumer, case: caseId, schema } }) {
    if (action !== 'list' && action !== 'replay') {
      throw new UsageError(`There is no "dead-letters ${toRepeatable(action)}": use list or replay.`)
    }
    if (action === 'replay' && consumer === undefined) {
      throw new UsageError('Say whose dead letters to replay: --consumer NAME.')
    }
    await withLocalEngine({ schema }, (engine) =>
      consumer === undefined || action === 'list' ? list(engine, consumer ?? null) : replay(engine, consumer, caseId),
    )
    return 0
  },
})

async function replay(engine: KycEngine, consumer: string, caseId: string | undefined): Promise<void> {
  const count = await engine.replayDeadLetters(consumer, { caseId })
  console.log(
    count === 0
      ? 'There is nothing to replay.'
      : `${count} dead letters are due: the follower "${consumer}" handles them where it runs.`,
  )
}

async function list(engine: KycEngine, consumer: string | null): Promise<void> {
  let after: string | null = null
  let count = 0
  do {
    const page: Awaited<ReturnType<KycEngine['listDeadLetters']>> = await engine.listDeadLetters({
      consumer,
      after,
      limit: 100,
    })
    for (const letter of page.items) console.log(toLine(letter))
    count += page.items.length
    after = page.next
  } while (after !== null)
  console.log(count === 0 ? 'There are no dead letters.' : `${count} dead letters`)
}

function toLine({ consumer, transition, reason, attempts, error, parkedAt, replayRequestedAt }: DeadLetter): string {
  const { caseId, revision, from, to } = transition
  const due = replayRequestedAt === null ? '' : '  due'
  return `${consumer}  ${caseId}/${revision}  ${from} -> ${to}  ${reason} after ${attempts} attempts (${error ?? 'no error'})  ${parkedAt.toISOString()}${due}`
}
