import type { Answer } from './answers.js'
import type { Attack } from './attack.js'
import type { AuditedRequest } from './attack-checks.js'
import { type Row, toRouteName } from './attack-rows.js'
import { fits, isSame, OUTCOMES } from './outcomes.js'
import { type Cell, NO_ANSWER } from './play-attack.js'

/** What is expected of an attack on a route: its answers, and what else comes of them. */
export interface Expectation {
  /** The words of the table, one for each request of the attack. */
  readonly words: readonly string[]
  readonly audit: readonly AuditedRequest[]
  /** What is asked of Persona, and what may be. */
  readonly calls: readonly string[]
  readonly possibleCalls: readonly string[]
}

/** Returns what the table's word says of a cell. */
export function toExpectation(
  attack: Attack,
  cell: Cell,
  { expected, toRefused }: { readonly expected: string; readonly toRefused: (row: Row) => string },
): Expectation {
  const { row } = cell
  const words = attack.toOutcomes(expected, () => toRefused(row))
  const toCalls = (isServed: true | 'perhaps') =>
    words.flatMap((word) => (OUTCOMES[word]?.isServed === isServed ? row.asksPersona : []))
  return {
    words,
    audit: words.flatMap((word) => toAudit(attack, cell, word)),
    calls: toCalls(true),
    possibleCalls: toCalls('perhaps'),
  }
}

/** What is wrong with a cell by itself. `twin` is the answer that it must be the same as, where there is one. */
export function findCellFaults(
  attack: Attack,
  { row, outcomes, answers, faults }: Cell,
  { words, twin }: { readonly words: readonly string[]; readonly twin: Answer | undefined },
): string[] {
  const isTwin = attack.sameAs === undefined || isSame(answers[0] ?? NO_ANSWER, twin ?? NO_ANSWER)
  return [
    ...(fits(words, outcomes) ? [] : [`${outcomes.join()}, not ${words.join()}`]),
    ...(isTwin ? [] : [`not the same answer as ${attack.sameAs}`]),
    ...faults,
  ].map((fault) => `${row.name}: ${fault}`)
}

/** The entry of the audit trail, for a route that `authorize` guards and a caller whom it knows. */
function toAudit(attack: Attack, { row, target }: Cell, word: string): AuditedRequest[] {
  const { route } = row
  const isForbidden = word === '403'
  const isOpen = route.action === null || route.isOpen === true || attack.caller === 'nobody'
  if (isOpen || (!isForbidden && OUTCOMES[word]?.isHandled !== true)) return []
  const isHidden = word === '404' && (attack.caller === 'user' || attack.caller === 'identity-service')
  return [
    {
      principal: attack.caller,
      action: route.action,
      route: toRouteName(route),
      verdict: isForbidden ? 'forbidden' : isHidden ? 'hidden' : 'allowed',
      caseId: attack.toCaseId(target),
    },
  ]
}
