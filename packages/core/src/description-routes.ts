import { createOpenApi } from './openapi.js'
import { ROUTES, type Route } from './routes.js'

/** Returns the routes that describe the others, and themselves are in no description. */
export function createDescriptionRoutes(): readonly Route[] {
  let document: unknown
  return [
    {
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
    },
  ]
}
