export { createKycApp, type KycAppOptions } from './kyc-app.js'
