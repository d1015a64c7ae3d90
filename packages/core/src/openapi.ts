import * as z from 'zod'
import type { Route } from './routes.js'
import { problemAnswer } from './wire.js'

/** Returns the OpenAPI 3.1 description of these routes, made from the schemas that validate them. */
export function createOpenApi(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: toOperation(route) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'KYC API', version: '1', description: 'KYC cases verified with Persona.' },
    paths,
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
  }
}

function toOperation(route: Route): object {
  const problems = [...route.problems, ...(route.action === null ? [] : [401, 403]), 500]
  return {
    operationId: toOperationId(route),
    summary: route.summary,
    parameters: toParameters(route),
    ...(route.action !== null && { security: [{ bearer: [] }] }),
    ...(route.bodySchema !== undefined && {
      // A body that may be empty may be left out.
      requestBody: {
        required: !route.bodySchema.safeParse({}).success || route.body === 'raw',
        content: toContent(route.bodySchema, 'application/json', 'input'),
      },
    }),
    responses: Object.fromEntries([
      ...Object.entries(route.answers).map(([status, schema]) => [
        status,
        toResponse(status, schema, 'application/json'),
      ]),
      ...problems.map((status) => [status, toResponse(status, problemAnswer, 'application/problem+json')]),
    ]),
  }
}

function toOperationId({ method, path }: Route): string {
  const words = path.split('/').filter((part) => part !== '')
  return [method.toLowerCase(), ...words.map((word) => word.replaceAll(/[^a-z]+/g, '-').replace(/^-/, ''))].join('-')
}

function toParameters({ path, querySchema, headerSchema }: Route): object[] {
  const inPath = path.includes(':case_id')
    ? [{ name: 'case_id', in: 'path', required: true, schema: { type: 'string' } }]
    : []
  return [...inPath, ...toNamed('query', querySchema), ...toNamed('header', headerSchema)]
}

function toNamed(place: 'query' | 'header', members: z.ZodObject | undefined): object[] {
  return Object.entries(members?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: place,
    required: !z.safeParse(schema, undefined).success,
    schema: toSchema(schema as z.ZodType, 'input'),
  }))
}

function toResponse(status: string | number, schema: z.ZodType, type: string): object {
  return { description: Number(status) < 400 ? 'Done' : 'A problem', content: toContent(schema, type, 'output') }
}

function toContent(schema: z.ZodType, type: string, io: 'input' | 'output'): object {
  return { [type]: { schema: toSchema(schema, io) } }
}

function toSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io, target: 'draft-2020-12' })
  return rest
}
