import type { KycHandlerOptions } from '@persona-kyc/core'
import { createKycRouter } from '@persona-kyc/express-adapter'
import express, { type Express, type RequestHandler, type Response, Router } from 'express'

declare const options: KycHandlerOptions
declare const response: Response

const app: Express = express()
app.use(createKycRouter(options))
app.use('/api', createKycRouter(options), express.json())
app.all('*', createKycRouter(options))
Router().use('/kyc', createKycRouter(options))
createKycRouter(options) satisfies RequestHandler

// Only Express 4 has it.
response.sendfile

// @ts-expect-error: there is no open default.
createKycRouter({ engine: options.engine })
