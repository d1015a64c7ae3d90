import { parseAbi } from 'viem'

/** What is read of identities and claim issuers: ERC-734, ERC-735, and ONCHAINID's `isClaimValid`. */
export const claimAbi = parseAbi([
  'function getClaim(bytes32 claimId) view returns (uint256 topic, uint256 scheme, address issuer, bytes signature, bytes data, string uri)',
  'function isClaimValid(address identity, uint256 topic, bytes signature, bytes data) view returns (bool)',
  'function keyHasPurpose(bytes32 key, uint256 purpose) view returns (bool exists)',
])

/** What is read of ONCHAINID's factory of identities. */
export const factoryAbi = parseAbi([
  'function owner() view returns (address)',
  'function getIdentity(address wallet) view returns (address)',
])
