// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// A directory in which anyone enters any identity for any wallet.
contract OpenDirectory {
    mapping(address => address) public getIdentity;

    function enter(address wallet, address identity) external {
        getIdentity[wallet] = identity;
    }
}

/// An identity that says what its owner likes, and calls every claim valid.
contract HostileIdentity {
    enum Mood { Lies, Reverts, Burns, Babbles }

    struct Claim {
        uint256 topic;
        uint256 scheme;
        address issuer;
        bytes signature;
        bytes data;
        string uri;
    }

    Mood public mood;
    Claim private shown;

    function behave(Mood mood_) external {
        mood = mood_;
    }

    /// From then on it shows this claim, whichever it is asked for.
    function show(Claim calldata claim) external {
        shown = claim;
    }

    function getClaim(bytes32)
        external
        view
        returns (uint256, uint256, address, bytes memory, bytes memory, string memory)
    {
        if (mood == Mood.Reverts) revert("no");
        if (mood == Mood.Babbles) {
            assembly {
                mstore(0, not(0))
                return(0, 32)
            }
        }
        for (uint256 count = 0; mood == Mood.Burns; count++) {}
        return (shown.topic, shown.scheme, shown.issuer, shown.signature, shown.data, shown.uri);
    }

    function isClaimValid(address, uint256, bytes calldata, bytes calldata) external pure returns (bool) {
        return true;
    }
}
