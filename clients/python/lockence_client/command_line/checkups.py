"""The examinations of `lockence doctor`, from the outside in: what fails early makes the later ones pointless."""

import dataclasses
import enum
import socket
import ssl
import time
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

from lockence_client.command_line import api, questions
from lockence_client.command_line.failures import CouldNotAsk, Failure
from lockence_client.command_line.questions import Question, Unbelievable

_TIMEOUT_SECONDS = 10
_CERTIFICATE_DAYS_MIN = 14
_CLOCK_CARE_SECONDS, _CLOCK_BAD_SECONDS = 60, 300


class Outcome(enum.StrEnum):
    GOOD = "good"
    CARE = "care"
    BAD = "bad"
    NOT_ASKED = "not asked"


@dataclasses.dataclass(frozen=True)
class Finding:
    """What one examination found, in words, and what to do about it."""

    check: str
    outcome: Outcome
    told: str
    remedy: str = ""
    unreachable: bool = False


@dataclasses.dataclass(frozen=True)
class Patient:
    """What is examined; "" is what was not given."""

    url: str
    api_key: str
    license_key: str
    public_keys: tuple[str, ...]
    hwid: str

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def proxy(self) -> str:
        """The proxy that this system sends calls through, "" for none."""
        if urllib.request.proxy_bypass(self.host):
            return ""
        return urllib.request.getproxies().get(urlsplit(self.url).scheme, "")


def examine(patient: Patient) -> Iterator[Finding]:
    """Yield findings as they are made, and stop where nothing after can be found out."""
    for finding in _way_to(patient):
        yield finding
        if finding.outcome is Outcome.BAD:
            return
    try:
        answer = questions.ask(
            Question(patient.url, "validate", patient.api_key or questions.NO_API_KEY)
        )
    except CouldNotAsk as failure:
        yield _bad(
            "answer", str(failure), "Is it the address of a Lockence server?", unreachable=True
        )
        return
    yield from _about_signature(patient, answer)
    yield from _about_api_key(patient, answer)
    yield from _about_license(patient)


def _way_to(patient: Patient) -> Iterator[Finding]:
    if patient.proxy:
        told = f"calls go through the proxy {urlsplit(patient.proxy).netloc.rpartition('@')[2]}"
        yield Finding("proxy", Outcome.CARE, told, "NO_PROXY leaves a server out.")
        return
    yield _name_of(patient)
    yield _connection_to(patient)
    if urlsplit(patient.url).scheme == "https":
        yield _certificate_of(patient)


def _name_of(patient: Patient) -> Finding:
    try:
        found = socket.getaddrinfo(patient.host, patient.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return _bad(
            "name",
            f"{patient.host} has no address: {api.reason_of(error)}",
            "Is the name spelled right? Is this machine on a network, and its DNS server reachable?",
            unreachable=True,
        )
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    return Finding("name", Outcome.GOOD, f"{patient.host} is {', '.join(addresses[:4])}")


def _connection_to(patient: Patient) -> Finding:
    started = time.monotonic()
    try:
        with socket.create_connection((patient.host, patient.port), _TIMEOUT_SECONDS):
            took = (time.monotonic() - started) * 1_000
    except OSError as error:
        return _bad(
            "connection",
            f"port {patient.port} does not answer: {api.reason_of(error)}",
            "Is the server running? Does a firewall keep this machine from it, or need a proxy (HTTPS_PROXY)?",
            unreachable=True,
        )
    return Finding("connection", Outcome.GOOD, f"port {patient.port} answers in {took:.0f} ms")


def _certificate_of(patient: Patient) -> Finding:
    try:
        with (
            socket.create_connection((patient.host, patient.port), _TIMEOUT_SECONDS) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=patient.host) as safe,
        ):
            certificate = safe.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        return _bad(
            "certificate", f"not good: {error.verify_message}", _certificate_remedy(error),
            unreachable=True,
        )  # fmt: skip
    except OSError as error:
        remedy = "Does the server speak HTTPS on this port?"
        return _bad("certificate", f"no TLS: {api.reason_of(error)}", remedy, unreachable=True)
    days = (ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()) / 86_400
    if days < _CERTIFICATE_DAYS_MIN:
        told = f"good, and ends in {days:.0f} days"
        return Finding("certificate", Outcome.CARE, told, "Does its renewal work?")
    return Finding("certificate", Outcome.GOOD, f"good for {days:.0f} days")


def _certificate_remedy(error: ssl.SSLCertVerificationError) -> str:
    # The codes are those of OpenSSL: expired, not yet valid, self-signed and issuer unknown.
    if error.verify_code in (9, 10):
        return "Renew it, unless the clock of this machine is wrong."
    if error.verify_code in (18, 19, 20, 21):
        return "A company's proxy may sit in between: SSL_CERT_FILE names the certificate to trust."
    return "Is it the address that the certificate was made for?"


def _about_signature(patient: Patient, answer: questions.Answer) -> Iterator[Finding]:
    try:
        believed = questions.believed(answer, patient.public_keys)
    except CouldNotAsk as failure:
        yield _bad(
            "signature",
            str(failure),
            "Do proxies on the way let the keys through?",
            unreachable=True,
        )
        return
    except Unbelievable as doubt:
        yield _bad("signature", str(doubt), doubt.remedy)
        return
    yield Finding("signature", Outcome.GOOD, f"verified with {believed.key}")
    yield _clock(believed)


def _clock(believed: questions.Believed) -> Finding:
    ahead = believed.clock_ahead_seconds
    told = f"this machine is {abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}"
    remedy = "Let the system set its clock by the network (NTP)."
    if abs(ahead) > _CLOCK_BAD_SECONDS:
        return _bad("clock", f"{told}: programs refuse answers of another time", remedy)
    if abs(ahead) > _CLOCK_CARE_SECONDS:
        return Finding("clock", Outcome.CARE, told, remedy)
    return Finding("clock", Outcome.GOOD, "right, by the time that the server signed")


def _about_api_key(patient: Patient, answer: questions.Answer) -> Iterator[Finding]:
    if not patient.api_key:
        yield Finding("API key", Outcome.NOT_ASKED, "none was given (--api-key)")
    elif answer.code == "session_not_found":
        # No session has a token that was just made up: whoever hears that is known.
        yield Finding(
            "API key", Outcome.GOOD, "the server knows it, and its application is enabled"
        )
    else:
        yield _bad("API key", answer.told, questions.remedy_for(answer.code))


def _about_license(patient: Patient) -> Iterator[Finding]:
    if not patient.license_key:
        yield Finding("license key", Outcome.NOT_ASKED, "none was given (--license-key)")
    elif not patient.hwid:
        yield from _looked_up(patient)
    elif not patient.api_key:
        yield Finding(
            "license key", Outcome.NOT_ASKED, "asking for it takes an API key (--api-key)"
        )
    else:
        yield _asked_for(patient)


def _looked_up(patient: Patient) -> Iterator[Finding]:
    remedy = (
        "Log in to have it looked up, or say --bind HWID to open a session as the program would."
    )
    try:
        found = questions.look_up(patient.url, patient.license_key)
    except Failure as failure:
        yield Finding("license key", Outcome.NOT_ASKED, str(failure), remedy)
        return
    if found is None:
        yield _bad(
            "license key",
            "no application that you see has it",
            questions.remedy_for("license_not_found"),
        )
        return
    code, told = questions.standing_of(found)
    if code == "ok":
        yield Finding("license key", Outcome.GOOD, told)
    else:
        yield _bad("license key", told, questions.remedy_for(code))


def _asked_for(patient: Patient) -> Finding:
    question = Question(patient.url, "init", patient.api_key, patient.license_key, patient.hwid)
    try:
        answer = questions.ask(question)
        if answer.code == "ok":
            questions.close_session(patient.url, patient.api_key, answer)
    except CouldNotAsk as failure:
        return _bad("license key", str(failure), "Ask again in a while.", unreachable=True)
    if answer.code == "ok":
        return Finding("license key", Outcome.GOOD, "a session was opened, and closed again")
    return _bad("license key", answer.told, questions.remedy_for(answer.code))


def _bad(check: str, told: str, remedy: str, *, unreachable: bool = False) -> Finding:
    return Finding(check, Outcome.BAD, told, remedy, unreachable)
