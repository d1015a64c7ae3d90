import type { ReconcileOptions, ReconcileReport, Transition } from '@persona-kyc/core'
import { defineCommand } from 'citty'
import { DATABASE_ARGS, POLICY_ARGS, requireTemplateId, withEngine } from './environment.js'
import { createInterruption } from './interruption.js'
import { createProgress } from './progress.js'
import { toRepeatable, toSeconds, UsageError } from './usage.js'

const SECONDS_MS = 1000

export const reconcileCommand = defineCommand({
  meta: { name: 'reconcile', description: 'Asks Persona for what no webhook brought, and applies it' },
  args: {
    'quiet-for': {
      type: 'string',
      description: 'Ask about cases that nothing has happened to for so many seconds (default 600)',
      valueHint: 'SECONDS',
    },
    source: { type: 'string', description: 'cases, events, or both', default: 'both', valueHint: 'SOURCE' },
    ...POLICY_ARGS,
    ...DATABASE_ARGS,
  },
  async run({ args }) {
    const status = await reconcile(args, {
      sources: toSources(args.source),
      ...(args['quiet-for'] !== undefined && { quietMs: toSeconds('--quiet-for', args['quiet-for']) * SECONDS_MS }),
    })
    return status === 'done' || status === 'busy' ? 0 : 1
  },
})

/** Reconciles in the environment, says what came of it, and resolves with how it ended. */
export async function reconcile(
  args: Parameters<typeof withEngine>[0],
  options: ReconcileOptions,
): Promise<ReconcileReport['status']> {
  requireTemplateId(process.env)
  const progress = createProgress()
  const report = await withEngine(args, (engine) =>
    engine
      .reconcile({
        ...options,
        signal: createInterruption(),
        onProgress: ({ phase, done, total }) => progress.show(phase, done, total),
      })
      .finally(() => progress.stop()),
  )
  for (const line of toLines(report)) console.log(line)
  return report.status
}

function toSources(source: string): NonNullable<ReconcileOptions['sources']> {
  if (source === 'both') return ['cases', 'events']
  if (source === 'cases' || source === 'events') return [source]
  throw new UsageError(`There is no source "${toRepeatable(source)}": use cases, events or both.`)
}

const STATUS_LINES: Readonly<Record<ReconcileReport['status'], string>> = {
  done: 'Done.',
  busy: 'Another process is reconciling: nothing was done here.',
  rate_limited: 'Ended early, for Persona’s rate limit or quota is used up: run it again later.',
  aborted: 'Ended early: run it again.',
}

function toLines(report: ReconcileReport): string[] {
  return [
    ...report.transitions.map(toTransitionLine),
    `${report.casesChecked} cases checked, ${report.inquiriesAdopted} inquiries adopted, ${report.inquiriesMissing} unknown to Persona`,
    `${report.eventsRead} events read, ${report.eventsRecorded} recorded, ${report.eventsUnreadable} unreadable`,
    `${report.transitions.length} cases moved, with ${report.listCalls} calls and ${Math.round(report.waitedMs / SECONDS_MS)} s of waiting`,
    STATUS_LINES[report.status],
  ]
}

/** One line for one change of a case: ids and states only. */
export function toTransitionLine({ caseId, from, to, eventName }: Transition): string {
  return `${caseId}  ${from} -> ${to}  (${eventName})`
}
