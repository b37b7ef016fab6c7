"""What has to be there before the demo's teams can hand anything in; each part is made once."""

import secrets
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Organizer:
    """The demo's organizer; `password` is None where it was told at an earlier start."""

    user: User
    password: str | None


def grammar(folder: Path) -> Path:
    """Write suites and training text below `folder` where they are missing; returns the text's path."""
    text = folder / TEXT_NAME
    if not text.exists():  # it is written last
        write_all(folder, seed=SEED)
    return text


@transaction.atomic
def organizer() -> Organizer:
    """The organizer's account, made with a password that is told once and stored only as a hash."""
    user = User.objects.filter(email=ORGANIZER).first()
    if user is not None:
        return Organizer(user, None)
    password = secrets.token_urlsafe(12)
    return Organizer(account(ORGANIZER, "Olga Organizer", password), password)


@transaction.atomic
def account(email: str, name: str, password: str) -> User:
    """A person with a confirmed address and this password, made where there is none."""
    user = User.objects.filter(email=email).first() or User(email=email, name=name)
    user.set_password(password)
    user.save()
    EmailAddress.objects.get_or_create(user=user, email=email, defaults={"verified": True, "primary": True})
    return user


def challenge(organizer: User, suites: Path) -> Challenge:
    """The demo's challenge, brought to what its document says; raises ProblemsFound."""
    document = ChallengeDocument.from_yaml(DOCUMENT.read_text(encoding="utf-8"), file=DOCUMENT.name)
    return configuration.apply(document, user=organizer, base=suites).challenge
