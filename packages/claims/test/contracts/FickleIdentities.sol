// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// An identity that lets everybody in, and shows the claim that it was given last.
abstract contract OpenIdentity {
    struct Claim {
        uint256 topic;
        uint256 scheme;
        address issuer;
        bytes signature;
        bytes data;
        string uri;
    }

    Claim internal shown;

    function keyHasPurpose(bytes32, uint256) external pure returns (bool) {
        return true;
    }

    function getClaim(bytes32)
        external
        view
        returns (uint256, uint256, address, bytes memory, bytes memory, string memory)
    {
        return (shown.topic, shown.scheme, shown.issuer, shown.signature, shown.data, shown.uri);
    }

    function addClaim(
        uint256 topic,
        uint256 scheme,
        address issuer,
        bytes calldata signature,
        bytes calldata data,
        string calldata uri
    ) external virtual returns (bytes32) {
        shown = Claim(topic, scheme, issuer, signature, data, uri);
        return 0;
    }
}

/// One that takes a claim for much gas.
contract GreedyIdentity is OpenIdentity {
    uint256 private immutable burnt;
    uint256 private count;

    constructor(uint256 burnt_) {
        burnt = burnt_;
    }

    function addClaim(uint256, uint256, address, bytes calldata, bytes calldata, string calldata)
        external
        override
        returns (bytes32)
    {
        uint256 start = gasleft();
        while (start - gasleft() < burnt) count++;
        return 0;
    }
}

/// One that takes claims in simulations, where gas has no price, and in no block.
contract RefusingIdentity is OpenIdentity {
    function addClaim(uint256, uint256, address, bytes calldata, bytes calldata, string calldata)
        external
        view
        override
        returns (bytes32)
    {
        require(tx.gasprice == 0, "no");
        return 0;
    }
}

/// One that lets go of claims in simulations only.
contract ClingingIdentity is OpenIdentity {
    function removeClaim(bytes32) external returns (bool) {
        require(tx.gasprice == 0, "no");
        delete shown;
        return true;
    }
}
