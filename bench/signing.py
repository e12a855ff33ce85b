"""What a signature costs here, alone: `python -m bench.signing` prints microseconds of CPU time as one line of JSON."""

import json
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from licensing import signatures

# Many short rounds, of which the least disturbed one counts.
ROUNDS, SIGNATURES = 20, 200
BODY = b"x" * 500


def main() -> None:
    key = Ed25519PrivateKey.generate()
    signer = signatures.Signer("k" * 43, key, signatures.APPLICATION_TAG)
    least = min(_seconds(signer) for _ in range(ROUNDS))
    print(json.dumps({"signing_cpu_us": least / SIGNATURES * 1e6}))


def _seconds(signer: signatures.Signer) -> float:
    began = time.process_time()
    for _ in range(SIGNATURES):
        signatures.sign(
            signer=signer,
            request=signatures.SignedRequest("POST", "127.0.0.1", "/api/v1/validate"),
            status=200,
            content_type="application/json",
            body=BODY,
            nonce="0123456789abcdef",
            created=1_800_000_000,
        )
    return time.process_time() - began


if __name__ == "__main__":
    main()
