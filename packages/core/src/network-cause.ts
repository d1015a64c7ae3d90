/** What may be told of a failed fetch: a fresh error with the code of the failure. Fetch errors carry whole requests. */
export function toNetworkCause(error: unknown): Error {
  const cause = error instanceof Error ? toRootCause(error) : undefined
  const code = cause !== undefined && 'code' in cause && isCode(cause.code) ? cause.code : 'network_error'
  return new Error(code)
}

/** A fetch of the app's own may call a whole sentence a code. */
function isCode(code: unknown): code is string {
  return typeof code === 'string' && /^\w{1,50}$/.test(code)
}

function toRootCause(error: Error): Error {
  return error.cause instanceof Error ? toRootCause(error.cause) : error
}
