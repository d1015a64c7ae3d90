import { createApiReference } from './api-reference.js'
import { ConfigurationError } from './errors.js'
import type { KycHandlerOptions } from './handler-options.js'
import { createOpenApi } from './openapi.js'
import { ROUTES, type Route } from './routes.js'

/**
 * Returns the routes that describe the others, and themselves are in no description.
 *
 * @throws ConfigurationError when `docs` is none of its values.
 */
export function createDescriptionRoutes(docs: KycHandlerOptions['docs']): readonly Route[] {
  return [createDescriptionRoute(), ...createPageRoutes(docs)]
}

function createDescriptionRoute(): Route {
  let document: unknown
  return {
    method: 'GET',
    path: '/compliance/openapi.json',
    action: 'openapi:read',
    summary: 'This description',
    body: 'none',
    answers: {},
    problems: [],
    async handle() {
      document ??= createOpenApi(ROUTES)
      return { status: 200, json: document }
    },
  }
}

function createPageRoutes(docs: KycHandlerOptions['docs']): Route[] {
  if (docs === undefined) return []
  if (docs !== 'authorized' && docs !== 'public') {
    throw new ConfigurationError({
      problem: 'docs is neither authorized nor public.',
      fix: 'Leave it out where the description is not to be shown as a page.',
    })
  }
  let page: ReturnType<typeof createApiReference> | undefined
  return [
    {
      method: 'GET',
      path: '/compliance/docs',
      action: docs === 'public' ? null : 'openapi:read',
      summary: 'This description as a page',
      body: 'none',
      answers: {},
      problems: [],
      async handle() {
        page ??= createApiReference(createOpenApi(ROUTES))
        return { status: 200, ...(await page) }
      },
    },
  ]
}
