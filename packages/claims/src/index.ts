export { type ContractCall, toAddClaimCall, toCreateIdentityCall, toRemoveCall, toRevokeCall } from './calls.js'
export type { ChainClient, ChainWallet } from './chain-client.js'
export { type ClaimContent, ECDSA_SCHEME, type SignedClaim, toClaimDigest, toClaimId, toKey } from './claim.js'
export {
  CLAIM_DATA_DOMAIN,
  type ClaimStatement,
  type ClaimSubject,
  type DecodedClaimData,
  decodeClaimData,
  encodeClaimData,
  toCommitment,
} from './claim-data.js'
export {
  type ClaimInput,
  type ClaimIssuer,
  type ClaimIssuerOptions,
  createClaimIssuer,
  type IssuedClaim,
} from './claim-issuer.js'
export type { ClaimableCase, ClaimChange, ClaimSource } from './claim-source.js'
export { createFeedSource, type FeedSourceOptions } from './feed-source.js'
export { createHttpSource, type HttpSourceOptions } from './http-source.js'
export {
  createIdentityFactory,
  type IdentityFactory,
  type IdentityFactoryOptions,
  toIdentitySalt,
} from './identities.js'
export { type IdentityServiceOptions, runIdentityService } from './identity-service.js'
export type { IdentityChoice, ResolveIdentity, ServiceLimits } from './service-context.js'
export type { IdentityServiceAlarm, IdentityServiceMetric } from './service-reports.js'
export { toCanonicalSignature, toSignatureEncodings } from './signature-encodings.js'
export { type ClaimFault, type ClaimVerdict, type VerifyClaimOptions, verifyClaim } from './verify-claim.js'
