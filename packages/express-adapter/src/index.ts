export { createKycRouter } from './kyc-router.js'
