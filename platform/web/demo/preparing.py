"""What has to be there before the demo's teams can hand anything in; each part is made once."""

import secrets
from pathlib import Path

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.models import User
from challenges.models import Challenge
from evaluators.grammar.folders import TEXT_NAME, write_all
from evaluators.protocol.challenge import ChallengeDocument
from suites import configuration

DOCUMENT = Path(__file__).parent / "challenge.yaml"
CHALLENGE = "demo"
SEED = 1
ORGANIZER = "organizer@example.org"


def grammar(folder: Path) -> Path:
    """Write suites and training text below `folder` where they are missing; returns the text's path."""
    text = folder / TEXT_NAME
    if not text.exists():  # it is written last
        write_all(folder, seed=SEED)
    return text


def organizer() -> User:
    """The organizer's account, made without a password where there is none."""
    user = User.objects.filter(email=ORGANIZER).first()
    return user or account(ORGANIZER, "Olga Organizer", None)


def first_password(user: User) -> str | None:
    """A new random password for an account that has none, to be told once: only its hash is kept. Else None."""
    if user.has_usable_password():
        return None
    password = secrets.token_urlsafe(12)
    user.set_password(password)
    user.save(update_fields=["password"])
    return password


@transaction.atomic
def account(email: str, name: str, password: str | None) -> User:
    """A person with a confirmed address and this password (None: none that works), made where there is none."""
    user = User.objects.filter(email=email).first() or User(email=email, name=name)
    user.set_password(password)
    user.save()
    EmailAddress.objects.get_or_create(user=user, email=email, defaults={"verified": True, "primary": True})
    return user


def challenge(organizer: User, suites: Path) -> Challenge:
    """The demo's challenge, brought to what its document says; raises ProblemsFound."""
    document = ChallengeDocument.from_yaml(DOCUMENT.read_text(encoding="utf-8"), file=DOCUMENT.name)
    return configuration.apply(document, user=organizer, base=suites).challenge
