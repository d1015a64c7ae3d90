import { parseAbi } from 'viem'

/** The constructor of ONCHAINID's Identity; as a library it serves proxies only. */
export const identityImplementationAbi = parseAbi(['constructor(address initialManagementKey, bool isLibrary)'])

/** What deploying uses of ONCHAINID's ImplementationAuthority, which says what code all identities run. */
export const implementationAuthorityAbi = parseAbi([
  'constructor(address implementation)',
  'function getImplementation() view returns (address)',
])

/** What deploying uses of ONCHAINID's IdFactory. */
export const factoryDeploymentAbi = parseAbi([
  'constructor(address implementationAuthority)',
  'function implementationAuthority() view returns (address)',
  'function owner() view returns (address)',
  'function transferOwnership(address newOwner)',
])

/** What deploying uses of ONCHAINID's ClaimIssuer: its keys, as in ERC-734. */
export const claimIssuerDeploymentAbi = parseAbi([
  'constructor(address initialManagementKey)',
  'function getKeyPurposes(bytes32 key) view returns (uint256[] purposes)',
  'function addKey(bytes32 key, uint256 purpose, uint256 keyType) returns (bool success)',
  'function removeKey(bytes32 key, uint256 purpose) returns (bool success)',
])

/** What deploying uses of T-REX's TrustedIssuersRegistry (ERC-3643). */
export const trustedIssuersRegistryAbi = parseAbi([
  'constructor()',
  'function init()',
  'function owner() view returns (address)',
  'function addTrustedIssuer(address trustedIssuer, uint256[] claimTopics)',
  'function hasClaimTopic(address issuer, uint256 claimTopic) view returns (bool)',
])
