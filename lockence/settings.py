"""Every setting of the site, and every switch from the environment (.env.example tells what each means)."""

from ipaddress import ip_network
from pathlib import Path
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from lockence import secrets_env
from lockence.csp import CSP

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

env = environ.Env()
env.read_env(BASE_DIR / ".env")

DEVELOPMENT = env.bool("DEVELOPMENT", default=False)
DEBUG = env.bool("DEBUG", default=False)

if DEVELOPMENT:
    env.read_env(secrets_env.development_file(VAR_DIR / "secrets.env"))


def _required(name: str) -> str:
    value = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set. Put it in the environment or in .env; "
            "`python -m lockence.secrets_env` prints fresh secrets (.env.example has the whole list)."
        )
    return str(value)


def _key_ring(name: str, keys_max: int | None = None) -> dict[str, bytes]:
    try:
        return secrets_env.key_ring(_required(name), keys_max)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from None


# Secrets. The rings are in order: the first key is the current one. None is derived from SECRET_KEY. What is found by its digest
# is looked for under two keys at once, and so under no third.

SECRET_KEY = _required("SECRET_KEY")
ENCRYPTION_KEYS = _key_ring("ENCRYPTION_KEYS")
INDEX_KEYS = _key_ring("INDEX_KEYS", keys_max=2)
HWID_KEYS = _key_ring("HWID_KEYS", keys_max=2)
INSTANCE_SIGNING_KEYS = _key_ring("INSTANCE_SIGNING_KEYS")
try:
    secrets_env.refuse_equal_keys(
        {
            "ENCRYPTION_KEYS": ENCRYPTION_KEYS,
            "INDEX_KEYS": INDEX_KEYS,
            "HWID_KEYS": HWID_KEYS,
            "INSTANCE_SIGNING_KEYS": INSTANCE_SIGNING_KEYS,
        },
        SECRET_KEY,
    )
except ValueError as error:
    raise ImproperlyConfigured(str(error)) from None

# Where the site is

SITE_URL = (
    env.str("SITE_URL", default=f"http://127.0.0.1:{env.int('PORT', default=8000)}")
    if DEVELOPMENT
    else _required("SITE_URL")
).rstrip("/")
SITE_HOST = urlsplit(SITE_URL).hostname or ""
HTTPS = SITE_URL.startswith("https://")

ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS",
    default=[SITE_HOST, "localhost", "127.0.0.1"] if DEVELOPMENT else [SITE_HOST],
)
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
# As WSGI names it: HTTP_CF_IPCOUNTRY.
COUNTRY_HEADER = (
    f"HTTP_{_country_header.upper().replace('-', '_')}"
    if (_country_header := env.str("COUNTRY_HEADER", default=""))
    else ""
)
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# What it is made of

INSTALLED_APPS = [
    "procrastinate.contrib.django",
    "lockence",
    "api",
    "licensing",
    "accounts",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "accounts.apps.StaffPagesConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "django_htmx",
    "heroicons",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "lockence.proxies.TrustedProxyMiddleware",
    "lockence.request_id.RequestIdMiddleware",
    "lockence.metrics.MetricsMiddleware",
    "lockence.health.ProbesMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "lockence.csp.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "lockence.making_way.MakingWayMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.entrance.EntranceMiddleware",
]

ROOT_URLCONF = "lockence.urls"
WSGI_APPLICATION = "lockence.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "lockence.csp.csp",
            ],
            "builtins": ["django.templatetags.static"],
        },
    }
]
# Forms look as templates/django/forms/ says.
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# Database: one connection for each thread of the server, kept open

DATABASES = {
    "default": env.db_url_config(
        # ./dev sets it to its own server; without one, what needs no database still works.
        env.str("DATABASE_URL", default="postgres:///lockence")
        if DEVELOPMENT
        else _required("DATABASE_URL")
    )
}
DATABASES["default"] |= {
    # A socket's folder in the URL is written with %2F for each slash.
    "HOST": unquote(DATABASES["default"]["HOST"]),
    "CONN_MAX_AGE": None,
    "CONN_HEALTH_CHECKS": True,
}
# A server that swallows what is sent to it would else hold a thread for minutes.
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# In the database, so that all processes see the same. Nothing slow is cached.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
    }
}

# Work that is done later, by `manage.py procrastinate worker`

PROCRASTINATE_WORKER_DEFAULTS = {
    # Each job that runs has a thread and a database connection; most of them wait for other people's servers.
    "concurrency": env.int("WORKER_CONCURRENCY", default=16),
    "delete_jobs": "successful",
    # What does not end by then is cut off, and run again by another worker.
    "shutdown_graceful_timeout": 20,
}

# Webhooks go out into the Internet alone, and to these networks: in development to this machine as well.
try:
    WEBHOOK_NETWORKS = [
        ip_network(network)
        for network in env.list(
            "WEBHOOK_NETWORKS", default=["127.0.0.0/8", "::1/128"] if DEVELOPMENT else []
        )
    ]
except ValueError as error:
    raise ImproperlyConfigured(f"WEBHOOK_NETWORKS: {error}") from None

# People

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "accounts.passwords.UncommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "dashboard"

SESSION_ENGINE = "accounts.session_store"
# What is asked before keys, exports and deletions: a sign-in, or being asked again, not longer ago than this.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900

ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_FORMS = {"signup": "accounts.forms.SignupForm"}
# Counted by accounts.entrance instead, in one atomic statement each.
ACCOUNT_RATE_LIMITS = MFA_RATE_LIMITS = False
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "landing"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"

MFA_ADAPTER = "accounts.adapters.SecondFactorAdapter"
MFA_FORMS = {
    "authenticate": "accounts.forms.SecondFactorForm",
    "reauthenticate": "accounts.forms.SecondFactorAgainForm",
    "activate_totp": "accounts.forms.ActivateAppForm",
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
# Browsers make passkeys over plain HTTP on localhost, and nowhere else.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEVELOPMENT
MFA_TOTP_ISSUER = "Lockence"
# Clocks differ and people type slowly: the codes of half a minute before and after count as well, each once.
MFA_TOTP_TOLERANCE = 1

# What goes into the zip of a person's data.
ACCOUNT_EXPORTS = [
    "accounts.exports.account_sections",
    "licensing.account_export.product_sections",
]

# Mail

MAIL_DIR = VAR_DIR / "mail"
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"Lockence <noreply@{SITE_HOST}>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
if DEVELOPMENT and "EMAIL_URL" not in env.ENVIRON:
    EMAIL_BACKEND = "lockence.mail.DevelopmentBackend"
else:
    vars().update(env.email_url("EMAIL_URL", default="smtp://localhost:25"))

# Pages and files

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=str(VAR_DIR / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Security

SECURE_CSP = {
    "default-src": [CSP.SELF],
    "script-src": [CSP.SELF, CSP.NONCE],
    "img-src": [CSP.SELF, "data:"],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
# lockence.proxies drops this header unless it comes from one of TRUSTED_PROXIES.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = HTTPS
# A program is answered where it asks: many follow a redirect of a POST with a GET.
SECURE_REDIRECT_EXEMPT = [r"^api/v1/"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("HSTS_SUBDOMAINS", default=HTTPS)
SECURE_HSTS_PRELOAD = SECURE_HSTS_INCLUDE_SUBDOMAINS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# With the prefix a browser takes them from this host alone, over HTTPS, for all paths (RFC 6265bis, section 4.1.3.2).
_COOKIE_PREFIX = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME = f"{_COOKIE_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{_COOKIE_PREFIX}csrftoken"
BROWSER_COOKIE_NAME = f"{_COOKIE_PREFIX}browser"
CSRF_COOKIE_HTTPONLY = True

# The API

# Failed inits that one network may have in ten minutes with one application before it has to wait.
INIT_FAILURES_MAX = env.int("INIT_FAILURES_MAX", default=30)

# How long a client call may wait for a thread while more is asked than can be answered; 0: as long as it takes.
WEB_WAIT_MS = env.int("WEB_WAIT_MS", default=3)

# How long a session shows after it is over.
SESSIONS_KEPT_DAYS = env.int("SESSIONS_KEPT_DAYS", default=30)

# How long events stay in the audit log; 0: for ever. The database itself lets none go sooner than this (accounts, migration 0012).
EVENTS_KEPT_DAYS = env.int("EVENTS_KEPT_DAYS", default=0)
if 0 < EVENTS_KEPT_DAYS < 90 or EVENTS_KEPT_DAYS < 0:
    raise ImproperlyConfigured("EVENTS_KEPT_DAYS: 0 (for ever), or 90 and more")

# Calls that one management token may make in a minute.
MANAGEMENT_CALLS_PER_MINUTE = env.int("MANAGEMENT_CALLS_PER_MINUTE", default=600)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_THROTTLE_CLASSES": [],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_SCHEMA_CLASS": "api.description.management.ManagementSchema",
}

# Pages of the handbook that end in a chapter made by code: by the page's path, what returns its Markdown.
HANDBOOK_CHAPTERS = {"reference": "api.description.reference.chapter"}
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.1",
    "TITLE": "Lockence API",
    "DESCRIPTION": "What programs ask (client API), and what scripts do (management API).",
    "VERSION": "2026-11-25",
    "SERVERS": [{"url": SITE_URL}],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["api.description.document.of_management"],
    "POSTPROCESSING_HOOKS": ["api.description.document.with_client_api"],
    "ENABLE_DJANGO_DEPLOY_CHECK": False,
}

# Logs: JSON lines for machines, plain lines for the developer's terminal

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request_id": {"()": "lockence.logging.RequestIdFilter"},
        "job_arguments": {"()": "lockence.logging.JobArgumentsFilter"},
    },
    "formatters": {
        "json": {"()": "lockence.logging.JsonFormatter"},
        "plain": {"format": "{levelname:<7} {name}: {message}", "style": "{"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "filters": ["request_id", "job_arguments"],
            "formatter": "plain" if DEVELOPMENT else "json",
        }
    },
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        # Two lines for each job are too many; what fails is an error, and shown.
        "procrastinate": {"level": "WARNING"},
    },
}
