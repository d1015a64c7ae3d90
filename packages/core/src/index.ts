export * from './errors.js'
export * from './signature.js'
