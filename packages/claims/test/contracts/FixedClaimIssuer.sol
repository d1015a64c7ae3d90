// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// What the claim issuers below have in common: one manager, and the keys that sign claims.
abstract contract SimpleClaimIssuer {
    /// The order of secp256k1, and half of it, rounded down.
    uint256 internal constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
    uint256 internal constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    address public immutable manager;
    mapping(bytes32 => bool) private keys;
    mapping(bytes32 => bool) private revoked;

    error Forbidden();
    error AlreadyRevoked();

    constructor(address manager_) {
        manager = manager_;
        keys[keccak256(abi.encode(manager_))] = true;
    }

    function addKey(bytes32 key, uint256, uint256) external returns (bool) {
        if (msg.sender != manager) revert Forbidden();
        return keys[key] = true;
    }

    function removeKey(bytes32 key, uint256) external returns (bool) {
        if (msg.sender != manager) revert Forbidden();
        keys[key] = false;
        return true;
    }

    function keyHasPurpose(bytes32 key, uint256) public view returns (bool) {
        return keys[key];
    }

    function revokeClaimBySignature(bytes calldata signature) external {
        if (msg.sender != manager) revert Forbidden();
        bytes32 entry = toEntry(signature);
        if (revoked[entry]) revert AlreadyRevoked();
        revoked[entry] = true;
    }

    function isClaimRevoked(bytes calldata signature) public view returns (bool) {
        return revoked[toEntry(signature)];
    }

    function isClaimValid(address identity, uint256 topic, bytes calldata signature, bytes calldata data)
        external
        view
        returns (bool)
    {
        bytes32 digest = keccak256(abi.encode(identity, topic, data));
        bytes32 message = keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n32", digest));
        address signer = recover(message, signature);
        return signer != address(0) && keyHasPurpose(keccak256(abi.encode(signer)), 3) && !isClaimRevoked(signature);
    }

    /// What the list of revoked signatures has of one.
    function toEntry(bytes calldata signature) internal view virtual returns (bytes32);

    function recover(bytes32 message, bytes calldata signature) internal view virtual returns (address);
}

/// A claim issuer that takes each encoding of a signature, and knows that they are one.
contract FixedClaimIssuer is SimpleClaimIssuer {
    constructor(address manager_) SimpleClaimIssuer(manager_) {}

    function toEntry(bytes calldata signature) internal pure override returns (bytes32) {
        (bytes32 r, uint256 s,) = split(signature);
        return keccak256(abi.encode(r, s > HALF_ORDER ? ORDER - s : s));
    }

    function recover(bytes32 message, bytes calldata signature) internal pure override returns (address) {
        (bytes32 r, uint256 s, uint8 v) = split(signature);
        return ecrecover(message, v < 27 ? v + 27 : v, r, bytes32(s));
    }

    function split(bytes calldata signature) private pure returns (bytes32, uint256, uint8) {
        return (bytes32(signature[0:32]), uint256(bytes32(signature[32:64])), uint8(signature[64]));
    }
}

/// A claim issuer that takes one encoding of a signature only, as OpenZeppelin's ECDSA does: of others it says no
/// (tryRecover), or reverts (recover).
contract StrictClaimIssuer is SimpleClaimIssuer {
    bool private immutable reverts;

    error ECDSAInvalidSignature();

    constructor(address manager_, bool reverts_) SimpleClaimIssuer(manager_) {
        reverts = reverts_;
    }

    function toEntry(bytes calldata signature) internal pure override returns (bytes32) {
        return keccak256(signature);
    }

    function recover(bytes32 message, bytes calldata signature) internal view override returns (address) {
        bytes32 s = bytes32(signature[32:64]);
        uint8 v = uint8(signature[64]);
        if (uint256(s) <= HALF_ORDER && v >= 27) return ecrecover(message, v, bytes32(signature[0:32]), s);
        if (reverts) revert ECDSAInvalidSignature();
        return address(0);
    }
}
