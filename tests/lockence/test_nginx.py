"""ops/nginx.conf as it is, with other ports and a certificate made for the test, in front of a real gunicorn."""

import contextlib
import dataclasses
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import factories
from tests.servers import ROOT, Response, Server, database_url, read_response, serve

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
HOST = "licenses.example.com"
CLIENT = "127.0.0.2"
SECONDS_MAX = 20

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed"),
]


@dataclasses.dataclass(frozen=True)
class Proxy:
    https: int
    http: int

    def connection(self) -> http.client.HTTPSConnection:
        # Whom the certificate is from is no matter here.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        # Another address than the proxy's own, which is trusted.
        client = (CLIENT, 0)
        return http.client.HTTPSConnection(
            "127.0.0.1", self.https, timeout=SECONDS_MAX, context=context, source_address=client
        )

    def request(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> Response:
        with contextlib.closing(self.connection()) as connection:
            connection.request(method, path, body, {"Host": HOST, **headers})
            return read_response(connection.getresponse())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def adapted(folder: Path, backend: Server, proxy: Proxy) -> str:
    """The file with this test's ports and paths in place of those of an installation."""
    ours = (ROOT / "ops/nginx.conf").read_text()
    for there, here in [
        ("server 127.0.0.1:8000;", f"server 127.0.0.1:{backend.port};"),
        ("listen 80;", f"listen 127.0.0.1:{proxy.http};"),
        ("listen 443 ssl", f"listen 127.0.0.1:{proxy.https} ssl"),
        (f"/etc/letsencrypt/live/{HOST}/fullchain.pem", str(folder / "certificate.pem")),
        (f"/etc/letsencrypt/live/{HOST}/privkey.pem", str(folder / "key.pem")),
    ]:
        assert there in ours
        ours = ours.replace(there, here)
    (folder / "site.conf").write_text(ours)
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # Its workers write large bodies into our folder; as another user they could not.
    user = "user root;" if os.geteuid() == 0 else ""
    return f"""
        {user} daemon off; pid {folder}/pid; error_log {folder}/error.log;
        events {{}}
        http {{ access_log {folder}/access.log; {temporary} include {folder}/site.conf; }}
    """


@pytest.fixture(scope="module")
def proxy(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    folder.chmod(0o755)
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ]
        + [
            "-subj",
            f"/CN={HOST}",
            "-keyout",
            folder / "key.pem",
            "-out",
            folder / "certificate.pem",
        ],
        check=True,
        capture_output=True,
    )
    static = str(tmp_path_factory.mktemp("static"))
    collect = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    subprocess.run(collect, cwd=ROOT, env={**os.environ, "STATIC_ROOT": static}, check=True)
    site = {
        "STATIC_ROOT": static,
        "DEVELOPMENT": "0",
        "SITE_URL": f"https://{HOST}",
        "TRUSTED_PROXIES": "127.0.0.1",
    }
    with serve(database_url(), **site) as backend:
        proxy = Proxy(free_port(), free_port())
        (folder / "nginx.conf").write_text(adapted(folder, backend, proxy))
        command = [NGINX or "", "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"]
        tried = subprocess.run([*command, "-t"], capture_output=True, text=True)
        assert tried.returncode == 0, tried.stderr
        process = subprocess.Popen(command)
        try:
            _wait_for(proxy)
            yield proxy
        finally:
            process.terminate()
            process.wait(SECONDS_MAX)


def _wait_for(proxy: Proxy) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if proxy.request("GET", "/healthz").status_code == 200:
                return
        time.sleep(0.05)
    pytest.fail("nginx does not answer")


def post(proxy: Proxy, call: str, body: bytes, **headers: str) -> Response:
    return proxy.request(
        "POST", f"/api/v1/{call}", body, **{"Content-Type": "application/json", **headers}
    )


def test_a_call_is_answered_and_signed_for_the_name_that_it_was_sent_to(proxy: Proxy) -> None:
    answer = post(proxy, "validate", b"{}")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert '"@authority";req' in answer["Signature-Input"]
    assert re.fullmatch(r"[0-9a-f]{32}", answer["X-Request-ID"])


def test_plain_http_is_sent_on_to_https(proxy: Proxy) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.http, timeout=SECONDS_MAX)
    with contextlib.closing(connection):
        connection.request("GET", "/docs/?x=1", headers={"Host": HOST})
        answer = connection.getresponse()

    assert (answer.status, answer.getheader("Location")) == (301, f"https://{HOST}/docs/?x=1")


def test_pages_come_with_their_security_headers_and_cookies_for_https(proxy: Proxy) -> None:
    answer = proxy.request("GET", "/accounts/login/")

    assert answer.status_code == 200
    assert answer["Strict-Transport-Security"].startswith("max-age=31536000")
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "__Host-csrftoken=" in answer["Set-Cookie"]
    assert "; Secure" in answer["Set-Cookie"]


def test_a_body_that_is_too_large_is_refused_in_json(proxy: Proxy) -> None:
    answer = post(proxy, "validate", b" " * 20_000)

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    # And what is larger still by nginx itself.
    assert post(proxy, "validate", b" " * 3_000_000).status_code == 413


def test_one_connection_serves_many_calls(proxy: Proxy) -> None:
    with contextlib.closing(proxy.connection()) as connection:
        for _ in range(3):
            connection.request("POST", "/api/v1/validate", b"{}", {"Host": HOST})
            answer = read_response(connection.getresponse())
            own = connection.sock.getsockname()

            assert answer.status_code == 415
            assert own == connection.sock.getsockname()


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X_Forwarded_For"])
def test_nobody_names_another_address_than_their_own(
    proxy: Proxy, transactional_db: None, header: str
) -> None:
    license = factories.make_license()
    known = {
        "api_key": factories.api_key_of(license.application),
        "license_key": license.reveal(),
        "hwid": "device-1",
    }

    answer = post(proxy, "init", json.dumps(known).encode(), **{header: "192.0.2.1"})

    assert answer.status_code == 200
    assert license.sessions.get().ip_address == CLIENT


def test_static_files_come_compressed_and_may_be_kept_for_ever(proxy: Proxy) -> None:
    page = proxy.request("GET", "/accounts/login/").content.decode()
    [path, *_] = re.findall(r'href="(/static/[^"]+\.css)"', page)

    answer = proxy.request("GET", path, **{"Accept-Encoding": "gzip"})

    assert (answer.status_code, answer["Content-Encoding"]) == (200, "gzip")
    assert "immutable" in answer["Cache-Control"]


def test_what_is_for_the_operator_is_for_the_machine_itself(proxy: Proxy) -> None:
    for path in ("/readyz", "/metrics"):
        assert proxy.request("GET", path).status_code == 403


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
@pytest.mark.parametrize("unit", ["lockence.service", "lockence-worker.service"])
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path, unit: str) -> None:
    text = (ROOT / "ops" / unit).read_text()
    # What it starts has to be there.
    ours = re.sub(r"ExecStart=/srv/lockence/\.venv/bin/\w+", "ExecStart=/bin/true", text)
    (tmp_path / unit).write_text(ours.replace("postgresql.service", "basic.target"))

    told = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / unit], capture_output=True, text=True
    )

    assert (told.returncode, told.stderr) == (0, "")
