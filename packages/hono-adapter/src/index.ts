export { createKycApp } from './kyc-app.js'
