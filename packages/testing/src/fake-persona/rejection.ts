/** One entry of `errors` in a refusal of Persona's API. */
export interface PersonaErrorEntry {
  readonly title: string
  readonly details?: string
  readonly source?: { readonly pointer: string }
}

/** A refusal by the fake: what the HTTP API answers, and what direct calls such as `inquiries.simulate` throw. */
export class PersonaRejection extends Error {
  override readonly name = 'PersonaRejection'
  /** The HTTP status of the answer. */
  readonly status: number
  /** The one entry of `errors` in the answer. */
  readonly entry: PersonaErrorEntry

  constructor(status: number, entry: PersonaErrorEntry) {
    super(entry.details === undefined ? entry.title : `${entry.title}: ${entry.details}`)
    this.status = status
    this.entry = entry
  }
}

/** 400: the request's shape is wrong. */
export function toBadRequest(details: string): PersonaRejection {
  return new PersonaRejection(400, { title: 'Bad Request', details })
}

/** 401: the answer holds a title and nothing else. */
export function toUnauthorized(title: string): PersonaRejection {
  return new PersonaRejection(401, { title })
}

/** 403: the key may not do this. */
export function toForbidden(details: string): PersonaRejection {
  return new PersonaRejection(403, { title: 'Forbidden', details })
}

/** 404: no such record, or no such path. */
export function toNotFound(details?: string): PersonaRejection {
  return new PersonaRejection(404, { title: 'Record not found', ...(details === undefined ? {} : { details }) })
}

/** 409: the resource is in the wrong state. */
export function toConflict(details: string): PersonaRejection {
  return new PersonaRejection(409, { title: 'Conflict', details })
}

/** 422: the shape is right, the values are not. `pointer` is the JSON pointer of the offending member. */
export function toUnprocessable(details: string, pointer?: string): PersonaRejection {
  const source = pointer === undefined ? {} : { source: { pointer } }
  return new PersonaRejection(422, { title: 'Unprocessable entity', details, ...source })
}
