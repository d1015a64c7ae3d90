import { parseAbi } from 'viem'

/** What is used of an identity: ERC-734 keys and ERC-735 claims. */
export const identityAbi = parseAbi([
  'function addClaim(uint256 topic, uint256 scheme, address issuer, bytes signature, bytes data, string uri) returns (bytes32 claimId)',
  'function removeClaim(bytes32 claimId) returns (bool success)',
  'function getClaim(bytes32 claimId) view returns (uint256 topic, uint256 scheme, address issuer, bytes signature, bytes data, string uri)',
  'function keyHasPurpose(bytes32 key, uint256 purpose) view returns (bool exists)',
  'event ClaimAdded(bytes32 indexed claimId, uint256 indexed topic, uint256 scheme, address indexed issuer, bytes signature, bytes data, string uri)',
  'event ClaimChanged(bytes32 indexed claimId, uint256 indexed topic, uint256 scheme, address indexed issuer, bytes signature, bytes data, string uri)',
])

/** What is used of a claim issuer: ONCHAINID's, as ERC-3643 describes it. */
export const claimIssuerAbi = parseAbi([
  'function isClaimValid(address identity, uint256 topic, bytes signature, bytes data) view returns (bool)',
  'function isClaimRevoked(bytes signature) view returns (bool)',
  'function revokeClaimBySignature(bytes signature)',
  'function keyHasPurpose(bytes32 key, uint256 purpose) view returns (bool exists)',
])

/** What is used of ONCHAINID's factory of identities. */
export const identityFactoryAbi = parseAbi([
  'function createIdentityWithManagementKeys(address wallet, string salt, bytes32[] managementKeys) returns (address)',
  'function getIdentity(address wallet) view returns (address)',
  'event Deployed(address indexed identity)',
  'event WalletLinked(address indexed wallet, address indexed identity)',
])
