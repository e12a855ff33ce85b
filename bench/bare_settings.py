"""Settings of the bare Django view: what a Django project cannot do without, and nothing else."""

ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS: list[str] = []
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "bench.bare"
# Nothing is signed with it.
SECRET_KEY = "bench"  # noqa: S105
USE_I18N = False
USE_TZ = True
# gunicorn's worker asks it, as it does for Lockence in the bench (bench/servers.py).
WEB_WAIT_MS = 0
