"""What a WSGI environment (PEP 3333) says of a client call: its body, within bounds, and what its answer is signed for."""

import functools
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from licensing import errors
from licensing.signatures import SignedRequest, digest_agrees

Environ = Mapping[str, Any]

BODY_MAX_BYTES = 16 * 1024
JSON = "application/json"
UNKNOWN_HOST = "The Host header names a host that is not served here"
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def signed_request(environ: Environ) -> SignedRequest:
    """Return method, authority and path as the client sent them (RFC 9421, section 2.2), and its Content-Digest."""
    scheme = environ.get("HTTP_X_FORWARDED_PROTO") or environ.get("wsgi.url_scheme", "http")
    authority = _host(environ).lower().removesuffix(_DEFAULT_PORTS.get(scheme, ""))
    digest = environ.get("HTTP_CONTENT_DIGEST")
    return SignedRequest(
        method=environ["REQUEST_METHOD"],
        authority=authority,
        path=_path(environ),
        content_digest=digest.strip() if digest is not None else None,
    )


def is_preflight(environ: Environ) -> bool:
    """Tell whether a browser asks beforehand if a page may call (https://fetch.spec.whatwg.org/#cors-preflight-request)."""
    return (
        environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
    )


def refuse_unknown_hosts(environ: Environ) -> None:
    """Raise InvalidRequestError when the request names a host that this installation does not serve."""
    if not _is_served(_host(environ), tuple(settings.ALLOWED_HOSTS)):
        raise errors.InvalidRequestError(UNKNOWN_HOST)


def body_of(environ: Environ) -> bytes:
    """Return the body of a POST with JSON, read to no more than BODY_MAX_BYTES.

    Raises MethodNotAllowedError, BodyTooLargeError, UnsupportedMediaTypeError, and InvalidRequestError where the body breaks
    off or does not have the digest that the client sent with it.
    """
    if environ["REQUEST_METHOD"] != "POST":
        raise errors.MethodNotAllowedError
    return read_body(environ, BODY_MAX_BYTES)


def read_body(environ: Environ, bytes_max: int, media_types: Collection[str] = (JSON,)) -> bytes:
    """Return a body of JSON, or of other `media_types`, read to no more than `bytes_max`; raises what `body_of` does, whatever the method."""
    length = _told_length(environ)
    if length > bytes_max:
        raise errors.BodyTooLargeError
    _refuse_other_media_types(environ.get("CONTENT_TYPE") or "", media_types)
    body = _read(environ, length, bytes_max)
    digest = environ.get("HTTP_CONTENT_DIGEST")
    if digest is not None and not digest_agrees(digest, body):
        raise errors.InvalidRequestError("Content-Digest does not agree with the body")
    return body


def has_body(environ: Environ) -> bool:
    """Tell whether a body of at least one byte was announced, or one in chunks."""
    return _told_length(environ) > 0 or _is_chunked(environ)


def _is_chunked(environ: Environ) -> bool:
    return bool(environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked")


def _told_length(environ: Environ) -> int:
    """Return Content-Length; 0 when it is missing or no number, for then nothing says where the body ends."""
    text = environ.get("CONTENT_LENGTH") or ""
    # Python turns no more than 4,300 digits into a number, and 19 are too large already.
    return int(text[:19]) if text.isdecimal() else 0


def _read(environ: Environ, length: int, bytes_max: int) -> bytes:
    """Read a body of a told length or in chunks (RFC 9112, section 7.1)."""
    is_chunked = _is_chunked(environ)
    wanted = bytes_max + 1 if is_chunked else length
    try:
        body: bytes = environ["wsgi.input"].read(wanted)
    except Exception as error:
        # Each server has its own exception for a client that breaks off or sends broken chunks.
        raise errors.InvalidRequestError("The body could not be read to its end") from error
    if is_chunked and len(body) > bytes_max:
        raise errors.BodyTooLargeError
    if not is_chunked and len(body) < wanted:
        raise errors.InvalidRequestError("The body could not be read to its end")
    return body


def _refuse_other_media_types(content_type: str, media_types: Collection[str]) -> None:
    if content_type in media_types:
        return
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if media_type not in media_types:
        raise errors.UnsupportedMediaTypeError(
            None if JSON in media_types else f"Content-Type must be {' or '.join(media_types)}"
        )
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "charset" and value.strip('"') not in ("utf-8", "utf8"):
            raise errors.UnsupportedMediaTypeError("The charset must be UTF-8")


def _host(environ: Environ) -> str:
    if host := environ.get("HTTP_HOST"):
        return str(host)
    return f"{environ.get('SERVER_NAME', '')}:{environ.get('SERVER_PORT', '')}"


@functools.lru_cache(maxsize=64)
def _is_served(host: str, allowed: tuple[str, ...]) -> bool:
    domain, _port = split_domain_port(host)
    return bool(domain) and validate_host(domain, list(allowed))


def _path(environ: Environ) -> str:
    # As sent, percent signs and all, where the server tells it; a request line may also hold a whole address.
    raw: str = environ.get("RAW_URI", "")
    if raw.startswith("/"):
        return raw.partition("?")[0]
    # Elsewhere it comes decoded, one character for each byte (PEP 3333), and what a path may hold plainly stays so (RFC 3986, section 3.3).
    decoded = f"{environ.get('SCRIPT_NAME', '')}{environ['PATH_INFO']}"
    return quote(decoded.encode("latin-1", "replace"), safe="/!$&'()*+,;=:@~")
