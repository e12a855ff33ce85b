"""Is a webhook Lockence's own? python3 webhook.py SECRET ID TIMESTAMP SIGNATURE < body"""

import base64
import hashlib
import hmac
import sys
import time

TOLERANCE_SECONDS = 300


def is_genuine(secret, id, timestamp, signatures, body):
    """Tell whether `body` (bytes) came with these three webhook-… headers from who knows `secret`, and came now."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12):
        return False
    if abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{id}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256))
    # While a secret is changed there are two signatures, with a space between them.
    return any(hmac.compare_digest(one.encode(), expected) for one in signatures.split(" "))


if __name__ == "__main__":
    genuine = is_genuine(*sys.argv[1:5], sys.stdin.buffer.read())
    print("genuine" if genuine else "not genuine")
    sys.exit(not genuine)
