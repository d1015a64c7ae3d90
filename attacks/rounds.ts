import type { TestContext } from 'vitest'
import { Unavailable } from './programs.js'

/** How many rounds to go: as many as ATTACK_ROUNDS says, else so many. */
export function toRounds(fallback: number): number {
  return Number(process.env.ATTACK_ROUNDS ?? fallback)
}

/** What `start` resolves with; skips the test, and says why, where this machine lacks what it needs. */
export async function requireAvailable<Started>(context: TestContext, start: () => Promise<Started>): Promise<Started> {
  try {
    return await start()
  } catch (error) {
    if (error instanceof Unavailable) context.skip(error.message)
    throw error
  }
}

/** Tells how far a long attack is. */
export function tell(line: string): void {
  process.stdout.write(`${line}\n`)
}
