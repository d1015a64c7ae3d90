import { createConfig, lintFromString } from '@redocly/openapi-core'
import { describe, expect, it } from 'vitest'
import { createOpenApi } from '../src/openapi.js'
import { ROUTES } from '../src/routes.js'

/** All rules of the linter are on but these. */
const CANNOT_APPLY = {
  // Whom to ask is for the app to say that serves this.
  'info-contact': 'off',
  // `compliance`, `kyc` and `persona` are no collections, and the paths are what Persona and callers have.
  'path-segment-plural': 'off',
  // Wants a minLength also of enums, of dates, and of JSON pointers, which may be empty.
  'required-string-property-missing-min-length': 'off',
} as const

const JSON_TYPES = ['application/json', 'application/problem+json']

interface Document {
  info: { license?: object }
  paths: Record<string, Record<string, { summary?: string; responses: Record<string, object> }>>
  components: { schemas: Record<string, object>; parameters: Record<string, object> }
}

/** A description of its own: JSON has no references that several tests could share. */
function createDocument(): Document {
  return JSON.parse(JSON.stringify(createOpenApi(ROUTES))) as Document
}

async function lint(document: object, off: Readonly<Record<string, 'off'>> = CANNOT_APPLY): Promise<string[]> {
  const problemTypes = { 'response-mime-type': { severity: 'error', allowedValues: JSON_TYPES } } as const
  const config = await createConfig({ extends: ['all'], rules: { ...problemTypes, ...off } })
  const problems = await lintFromString({ source: JSON.stringify(document), absoluteRef: 'openapi.json', config })
  return problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer ?? ''}`)
}

describe('the linter', () => {
  it('has nothing to say about the description', async () => {
    expect(await lint(createDocument())).toEqual([])
  })

  it.each(Object.keys(CANNOT_APPLY))('would have something to say without the exception of %s', async (rule) => {
    const { [rule as keyof typeof CANNOT_APPLY]: _, ...others } = CANNOT_APPLY
    const problems = await lint(createDocument(), others)
    expect(problems).not.toEqual([])
    for (const problem of problems) expect(problem).toContain(`${rule}: `)
  })

  it.each<[string, (document: Document) => void, RegExp]>([
    ['no licence', ({ info }) => delete info.license, /^info-license: /],
    ['no summary', ({ paths }) => delete paths['/compliance/events']?.get?.summary, /^operation-summary: /],
    ['a path parameter that is not described', ({ paths }) => move(paths, '/compliance/events'), /^path-parameters-/],
    ['a schema that nobody uses', ({ components }) => (components.schemas.Idle = {}), /^no-unused-components: /],
    ['a schema that is not there', ({ components }) => delete components.schemas.Case, /^no-unresolved-refs: /],
    ['an example that is none', ({ components }) => (components.schemas.CaseStatus = BROKEN), /^no-invalid-schema-/],
    ['no success', ({ paths }) => delete paths['/compliance/events']?.get?.responses['200'], /^operation-2xx-/],
    ['an unknown member', ({ paths }) => Object.assign(paths['/compliance/events'] ?? {}, { bogus: 1 }), /^struct: /],
  ])('finds %s', async (_name, spoil, expected) => {
    const document = createDocument()
    spoil(document)
    const problems = await lint(document)
    expect(problems.some((problem) => expected.test(problem))).toBe(true)
  })
})

const BROKEN = { type: 'string', enum: ['pending'], examples: ['verified'] }

function move(paths: Document['paths'], path: string): void {
  paths[`${path}/{event_id}`] = paths[path] ?? {}
  delete paths[path]
}
