import type { Match } from './incoming.js'
import type { Route } from './routes.js'

const CASE_ID = ':case_id'

/** A route's path in parts. */
interface Pattern {
  readonly route: Route
  readonly parts: readonly string[]
  /** The place of the case's id; -1 where the path has none. */
  readonly place: number
}

/** Returns a function that finds the routes of a path, which differ in their methods. */
export function createRouteFinder(routes: readonly Route[]): (path: string) => Match[] {
  const patterns = routes.map(toPattern)
  return (path) => {
    const parts = path.split('/')
    return patterns.flatMap((pattern) => (fits(pattern, parts) ? [toMatch(pattern, parts)] : []))
  }
}

function toPattern(route: Route): Pattern {
  const parts = route.path.split('/')
  return { route, parts, place: parts.indexOf(CASE_ID) }
}

function fits({ parts, place }: Pattern, actual: readonly string[]): boolean {
  if (parts.length !== actual.length) return false
  return parts.every((part, index) => part === actual[index] || (index === place && actual[index] !== ''))
}

function toMatch({ route, place }: Pattern, parts: readonly string[]): Match {
  return { route, caseId: place === -1 ? '' : (parts[place] ?? '') }
}
