import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { runServer } from '@persona-kyc/example-service'
import { createKycApp } from '@persona-kyc/hono-adapter'
import { Hono } from 'hono'

await runServer({
  name: 'hono-server',
  createServer(options) {
    const app = new Hono()
    app.route('/', createKycApp(options))
    return createServer(getRequestListener(app.fetch))
  },
})
