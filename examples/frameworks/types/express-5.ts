import type { KycHandlerOptions } from '@persona-kyc/core'
import { createKycRouter } from '@persona-kyc/express-adapter'
import express, { type Express, type RequestHandler, type Response, Router } from 'express'

declare const options: KycHandlerOptions
declare const response: Response

const app: Express = express()
app.use(createKycRouter(options))
app.use('/api', createKycRouter(options), express.json())
app.all('/{*path}', createKycRouter(options))
Router().use('/kyc', createKycRouter(options))
createKycRouter(options) satisfies RequestHandler

// @ts-expect-error: Express 5 has it no more.
response.sendfile
// @ts-expect-error: there is no open default.
createKycRouter({ engine: options.engine })
