// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// What Solidity makes of claims: the measure for what the library makes of them. It shares no code with it.
contract Vectors {
    struct Subject {
        uint256 chainId;
        address issuer;
        address identity;
        uint256 topic;
        string caseId;
        uint256 generation;
        uint256 level;
        uint256 verifiedAt;
        uint256 validUntil;
    }

    struct Statement {
        bytes32 domain;
        uint256 chainId;
        address issuer;
        uint256 level;
        uint256 verifiedAt;
        uint256 validUntil;
        bytes32 commitment;
    }

    bytes32 private constant DOMAIN = keccak256("persona-kyc.claim.v1");

    function toClaimId(address issuer, uint256 topic) external pure returns (bytes32) {
        return keccak256(abi.encode(issuer, topic));
    }

    function toDigest(address identity, uint256 topic, bytes calldata data) external pure returns (bytes32) {
        return keccak256(abi.encode(identity, topic, data));
    }

    function toKey(address holder) external pure returns (bytes32) {
        return keccak256(abi.encode(holder));
    }

    function toEthSignedMessageHash(bytes32 digest) public pure returns (bytes32) {
        return keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n32", digest));
    }

    /// The signer of an EIP-191 message, by the precompile; nobody (0) for what is no signature.
    function recover(bytes32 digest, bytes calldata signature) external pure returns (address) {
        uint8 v = uint8(signature[64]);
        return ecrecover(toEthSignedMessageHash(digest), v, bytes32(signature[0:32]), bytes32(signature[32:64]));
    }

    function toCommitment(Subject calldata subject) public pure returns (bytes32) {
        return keccak256(
            abi.encode(
                DOMAIN,
                subject.chainId,
                subject.issuer,
                subject.identity,
                subject.topic,
                subject.caseId,
                subject.generation,
                subject.level,
                subject.verifiedAt,
                subject.validUntil
            )
        );
    }

    function toData(Subject calldata subject) external pure returns (bytes memory) {
        return abi.encode(
            DOMAIN,
            subject.chainId,
            subject.issuer,
            subject.level,
            subject.verifiedAt,
            subject.validUntil,
            toCommitment(subject)
        );
    }

    /// Reverts where the data is too short, or is none of such a statement.
    function decode(bytes calldata data) external pure returns (Statement memory) {
        return abi.decode(data, (Statement));
    }
}
