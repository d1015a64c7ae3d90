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
    const matches: Match[] = []
    for (const pattern of patterns) {
      if (pattern.parts.length === parts.length && fits(pattern, parts))
        matches.push({ route: pattern.route, caseId: parts[pattern.place] ?? '' })
    }
    return matches
  }
}

function toPattern(route: Route): Pattern {
  const parts = route.path.split('/')
  return { route, parts, place: parts.indexOf(CASE_ID) }
}

function fits({ parts, place }: Pattern, actual: readonly string[]): boolean {
  // The last part differs most often.
  for (let index = parts.length - 1; index >= 0; index--) {
    if (index === place ? actual[index] === '' : parts[index] !== actual[index]) return false
  }
  return true
}
