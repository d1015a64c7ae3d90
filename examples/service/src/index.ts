export { type Configuration, EnvironmentError, readConfiguration } from './configuration.js'
export { runServer, type ServerDefinition } from './run-server.js'
export { type Service, startService } from './service.js'
