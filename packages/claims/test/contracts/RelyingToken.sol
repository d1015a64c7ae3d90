// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// Which identity belongs to a wallet: ONCHAINID's factory is one of these.
interface IIdentityDirectory {
    function getIdentity(address wallet) external view returns (address);
}

/// Whom to believe: ERC-3643's TrustedIssuersRegistry.
interface ITrustedIssuers {
    function getTrustedIssuersForClaimTopic(uint256 topic) external view returns (address[] memory);
}

/// ERC-735, as far as it is used.
interface IClaims {
    function getClaim(bytes32 claimId)
        external
        view
        returns (
            uint256 topic,
            uint256 scheme,
            address issuer,
            bytes memory signature,
            bytes memory data,
            string memory uri
        );
}

/// ERC-3643's claim issuer, as far as it is used.
interface IIssuer {
    function isClaimValid(address identity, uint256 topic, bytes memory signature, bytes memory data)
        external
        view
        returns (bool);
}

/**
 * A token for verified people only, written for the tests: it relies on claims as a contract should. It holds to the documented
 * format of a claim's data, and shares no code with the library.
 */
contract RelyingToken {
    bytes32 private constant DOMAIN = keccak256("persona-kyc.claim.v1");
    uint256 private constant ECDSA_SCHEME = 1;
    /// Half the order of secp256k1, rounded down: of s and n - s the greater is not canonical (EIP-2).
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;
    /// Identities are contracts of strangers: what one of them burns is bounded.
    uint256 private constant CLAIM_GAS = 500_000;

    IIdentityDirectory public immutable directory;
    ITrustedIssuers public immutable trustedIssuers;
    uint256 public immutable topic;
    uint256 public immutable minLevel;
    mapping(address => uint256) public balanceOf;

    error NotVerified(address wallet);

    constructor(IIdentityDirectory directory_, ITrustedIssuers trustedIssuers_, uint256 topic_, uint256 minLevel_) {
        directory = directory_;
        trustedIssuers = trustedIssuers_;
        topic = topic_;
        minLevel = minLevel_;
    }

    /// For anyone: it is a token of no value.
    function mint(address to, uint256 amount) external {
        if (!isVerified(to)) revert NotVerified(to);
        balanceOf[to] += amount;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        if (!isVerified(to)) revert NotVerified(to);
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        return true;
    }

    /// Whether one of the trusted issuers stands for the wallet now. Whatever an identity does, this does not revert.
    function isVerified(address wallet) public view returns (bool) {
        address identity = directory.getIdentity(wallet);
        address[] memory issuers = trustedIssuers.getTrustedIssuersForClaimTopic(topic);
        for (uint256 index = 0; index < issuers.length; index++) {
            // Through a call of its own: no identity, or an answer that cannot be decoded, reverts in there, and is caught here.
            try this.hasValidClaim{gas: CLAIM_GAS}(identity, issuers[index]) returns (bool valid) {
                if (valid) return true;
            } catch {}
        }
        return false;
    }

    /// Whether the identity shows a claim of that issuer that counts here and now. Reverts where the identity misbehaves.
    function hasValidClaim(address identity, address issuer) external view returns (bool) {
        bytes32 claimId = keccak256(abi.encode(issuer, topic));
        (uint256 shownTopic, uint256 scheme, address shownIssuer, bytes memory signature, bytes memory data,) =
            IClaims(identity).getClaim(claimId);
        if (shownTopic != topic || scheme != ECDSA_SCHEME || shownIssuer != issuer) return false;
        if (!_isCanonical(signature) || !_counts(data, issuer)) return false;
        // The trusted issuer is asked, never an address that the identity names.
        return IIssuer(issuer).isClaimValid(identity, topic, signature, data);
    }

    /// The signature covers neither chain nor issuer: the data has to.
    function _counts(bytes memory data, address issuer) private view returns (bool) {
        if (data.length != 7 * 32) return false;
        (bytes32 domain, uint256 chainId, address boundIssuer, uint256 level,, uint256 validUntil,) =
            abi.decode(data, (bytes32, uint256, address, uint256, uint256, uint256, bytes32));
        if (domain != DOMAIN || chainId != block.chainid || boundIssuer != issuer || level < minLevel) return false;
        return validUntil == 0 || block.timestamp <= validUntil;
    }

    /// Issuers revoke signatures by their bytes: another encoding of a revoked one must not count.
    function _isCanonical(bytes memory signature) private pure returns (bool) {
        if (signature.length != 65) return false;
        uint256 s;
        uint8 v;
        assembly ("memory-safe") {
            s := mload(add(signature, 64))
            v := byte(0, mload(add(signature, 96)))
        }
        return s <= HALF_ORDER && (v == 27 || v == 28);
    }
}
