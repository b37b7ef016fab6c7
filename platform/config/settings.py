"""Django's settings; every value that differs between installations is a PROCTOR_* environment variable."""

import secrets
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from os import getpid
from pathlib import Path

import environ
from csp.constants import NONCE, NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.templatetags.static import static

from config.encryption import new_key

ROOT = Path(__file__).resolve().parent.parent.parent
env = environ.FileAwareEnv()

# Where everything that changes lies: database, uploads, sealed suites, logs.
VAR = Path(env.str("PROCTOR_VAR", default=str(ROOT / "var"))).resolve()
VAR.mkdir(parents=True, exist_ok=True, mode=0o700)


def _kept(name: str, make: Callable[[], str]) -> str:
    """A secret that is made at the first start and kept where only this user reads it."""
    path = VAR / name
    if not path.exists():
        # Written whole and then named: of processes that start together, none reads a half of it, and one wins.
        descriptor, draft = tempfile.mkstemp(dir=VAR, prefix=f"{name}-")
        with open(descriptor, "w") as file:  # noqa: PTH123 - a descriptor
            file.write(make())
        with suppress(FileExistsError):
            path.hardlink_to(draft)
        Path(draft).unlink()
    return path.read_text()


SECRET_KEY = env.str("PROCTOR_SECRET_KEY", default="") or _kept("secret_key", lambda: secrets.token_urlsafe(50))
# What gated suites, their answers and item scores are encrypted under: the first writes, all of them read.
SEALING_KEYS = env.list("PROCTOR_SEALING_KEYS", default=[]) or _kept("sealing_keys", new_key).split()
DEBUG = env.bool("PROCTOR_DEBUG", default=False)
ALLOWED_HOSTS: list[str] = env.list("PROCTOR_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("PROCTOR_ORIGINS", default=[])
SITE_URL = env.str("PROCTOR_SITE_URL", default="http://localhost:8000")

INSTALLED_APPS = [
    "web",
    "findings",
    "leaderboards",
    "evaluations",
    "submissions",
    "suites",
    "challenges",
    "accounts",
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "csp",
    "allauth",
    "allauth.account",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.csp.AdminPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ]
        },
    }
]

DATABASES = {"default": env.db_url("PROCTOR_DATABASE_URL", default=f"sqlite:///{VAR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Writers queue instead of failing: IMMEDIATE takes the write lock at BEGIN, WAL lets readers go on.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA busy_timeout=20000;",
    }
    # Tests use a file as well: threads and child processes see one database, locked as it is in production.
    DATABASES["default"]["TEST"] = {"NAME": VAR / f"test-{getpid()}.sqlite3"}
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STORAGES = {
    # `default` is what users may see (logos); `artifacts` what teams handed in; `sealed` suites, answers, item scores.
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": VAR / "public"}},
    "artifacts": {"BACKEND": "config.storage.PrivateStorage", "OPTIONS": {"location": VAR / "artifacts"}},
    "sealed": {"BACKEND": "config.storage.SealedStorage", "OPTIONS": {"location": VAR / "sealed"}},
    # Runner images as `docker save` archives, from which any worker takes the same bytes.
    "images": {"BACKEND": "config.storage.PrivateStorage", "OPTIONS": {"location": VAR / "images"}},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
# Files are found in the apps where nobody ran collectstatic, so that a checkout works as it is.
WHITENOISE_USE_FINDERS = not (STATIC_ROOT / "staticfiles.json").exists() and "collectstatic" not in sys.argv
if WHITENOISE_USE_FINDERS:
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {"signup": "accounts.forms.SignupForm"}
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGOUT_REDIRECT_URL = "home"

EMAIL_CONFIG = env.email_url("PROCTOR_EMAIL_URL", default=f"filemail:///{VAR / 'mail'}")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = env.str("PROCTOR_FROM_EMAIL", default="proctor@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
# A mail server that hangs holds nobody up for longer.
EMAIL_TIMEOUT = 10

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# A cookie that goes over plain HTTP only where the site itself does.
SECURE = SITE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    },
}
# django-unfold builds on Alpine, which evaluates expressions; that is let through on the admin's paths only.
ADMIN_CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        **CONTENT_SECURITY_POLICY["DIRECTIVES"],
        "script-src": [SELF, UNSAFE_EVAL, UNSAFE_INLINE],
        "style-src": [SELF, UNSAFE_INLINE],
    }
}

# One request of a resumable upload carries at most one chunk.
UPLOAD_CHUNK_BYTES = env.int("PROCTOR_UPLOAD_CHUNK_BYTES", default=4 * 1024 * 1024)
UPLOAD_MAX_BYTES = env.int("PROCTOR_UPLOAD_MAX_BYTES", default=8 * 1024**3)
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024
# A file that comes with a plain form, without JavaScript or in the admin, is bounded before a byte is written.
FORM_MAX_BYTES = env.int("PROCTOR_FORM_MAX_BYTES", default=512 * 1024 * 1024)
FILE_UPLOAD_HANDLERS = ["config.upload_handlers.BoundedUploadHandler"]
FILE_UPLOAD_TEMP_DIR = VAR / "tmp"
FILE_UPLOAD_TEMP_DIR.mkdir(exist_ok=True, mode=0o700)

# Hubs that models may be handed in from: the first is the hub itself, the others are where it may send us on to.
HUB_HOSTS = env.list("PROCTOR_HUB_HOSTS", default=["huggingface.co", "*.huggingface.co", "*.hf.co"])
# Whether a hub that is named above may be on this very machine, without encryption: for tests.
HUB_LOOPBACK = env.bool("PROCTOR_HUB_LOOPBACK", default=False)
# How many workers fetch at a time, how long one does before other work has its turn, and when a hub that is away is
# given up.
HUB_AT_ONCE = env.int("PROCTOR_HUB_AT_ONCE", default=2)
HUB_TURN_SECONDS = env.float("PROCTOR_HUB_TURN_SECONDS", default=300)
HUB_GIVE_UP_HOURS = env.float("PROCTOR_HUB_GIVE_UP_HOURS", default=24)

# The broker is a wake-up call; the database is the truth (docs/decisions). Nothing reads results from it.
CELERY_BROKER_URL = env.str("PROCTOR_BROKER_URL", default=f"redis+socket://{VAR / 'redis.sock'}")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 2, "max_retries": 1}
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_PUBLISH_RETRY = False

# Liveness (seconds): a run's lease, how often it is renewed, how often the sweeper looks.
LEASE_SECONDS = env.float("PROCTOR_LEASE_SECONDS", default=30)
HEARTBEAT_SECONDS = env.float("PROCTOR_HEARTBEAT_SECONDS", default=10)
SWEEP_SECONDS = env.float("PROCTOR_SWEEP_SECONDS", default=10)
MAX_ATTEMPTS = env.int("PROCTOR_MAX_ATTEMPTS", default=4)
# A fault of ours that passes is tried again after so long, twice as long each time, up to the most.
BACK_OFF_SECONDS = env.float("PROCTOR_BACK_OFF_SECONDS", default=5)
MOST_BACK_OFF_SECONDS = env.float("PROCTOR_MOST_BACK_OFF_SECONDS", default=300)
# How often a worker looks whether what it works on is still wanted: a withdrawn run is killed this soon.
LOOK_SECONDS = env.float("PROCTOR_LOOK_SECONDS", default=1)
# What has waited so long gets another wake-up; what has waited for so many minutes, organizers are told of.
STALE_SECONDS = env.float("PROCTOR_STALE_SECONDS", default=5)
WAIT_MINUTES = env.float("PROCTOR_WAIT_MINUTES", default=10)
# So many runs of a track in a row that end through us pause it.
PAUSE_AFTER = env.int("PROCTOR_PAUSE_AFTER", default=3)
# Each worker tidies its own host so often, sings with the canary so often, and forgets temporary files so old.
TIDY_SECONDS = env.float("PROCTOR_TIDY_SECONDS", default=60)
CANARY_HOURS = env.float("PROCTOR_CANARY_HOURS", default=3)
TEMPORARY_HOURS = env.float("PROCTOR_TEMPORARY_HOURS", default=24)
# Unpacked submissions that no run needs are kept on a host up to so many bytes; taking one in again costs time only.
UNPACKED_BYTES = env.int("PROCTOR_UNPACKED_BYTES", default=10 * 1024**3)
# Whether workers keep the images that they use in the storage `images`, for workers on other hosts.
KEEP_IMAGES = env.bool("PROCTOR_KEEP_IMAGES", default=True)
# The scorer is a process of its own: how long it may take, and how much memory it may add to its worker's.
SCORING_SECONDS = env.float("PROCTOR_SCORING_SECONDS", default=900)
SCORING_BYTES = env.int("PROCTOR_SCORING_BYTES", default=4 * 1024**3)
# The largest prediction file, unpacked, and the most that answers may hold on average for each request.
PREDICTIONS_MAX_BYTES = env.int("PROCTOR_PREDICTIONS_MAX_BYTES", default=512 * 1024**2)
RESPONSE_MAX_BYTES = env.int("PROCTOR_RESPONSE_MAX_BYTES", default=4096)

UNFOLD = {
    "SITE_TITLE": "Proctor",
    "SITE_HEADER": "Proctor",
    "SITE_SUBHEADER": "Organizers",
    "SITE_URL": "/",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("web/mark.svg")}],
    "STYLES": [lambda request: static("web/admin.css")],
    "SHOW_HISTORY": True,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    # It would write down every address, and those that a hub signs are keys for a while.
    "loggers": {"httpx2": {"level": "WARNING"}},
    "root": {"handlers": ["console"], "level": env.str("PROCTOR_LOG_LEVEL", default="INFO")},
}
