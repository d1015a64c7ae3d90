import { createServer } from 'node:http'
import { runServer } from '@persona-kyc/example-service'
import { createKycRouter } from '@persona-kyc/express-adapter'
import express from 'express'

await runServer({
  name: 'express-server',
  createServer(options) {
    const app = express()
    app.disable('x-powered-by')
    // Before any body parser: the webhook's signature covers the bytes that arrived.
    app.use(createKycRouter(options))
    return createServer(app)
  },
})
