"""What organizers are told of by mail: faults of the platform that don't mend themselves."""

import logging
import smtplib
from collections.abc import Callable

from django.conf import settings
from django.core.mail import mail_admins, send_mail
from django.db import transaction

from accounts.models import User
from challenges.models import Challenge, Role

logger = logging.getLogger(__name__)


def tell_organizers(challenge: Challenge, subject: str, text: str) -> None:
    """Mail the challenge's organizers, and the site's ADMINS, once the current transaction has committed."""
    logger.error("%s: %s", subject, text)
    transaction.on_commit(_sender(challenge, subject, text))


def _sender(challenge: Challenge, subject: str, text: str) -> Callable[[], None]:
    def send() -> None:
        roles = Role.objects.filter(challenge=challenge, kind=Role.Kind.ORGANIZER)
        people = User.objects.filter(challenge_roles__in=roles, is_active=True)
        where = f"{settings.SITE_URL}/admin/"
        body = f"{text}\n\nChallenge: {challenge.title}\nLook after it: {where}\n"
        try:
            for email in people.values_list("email", flat=True).distinct():
                send_mail(subject, body, None, [email])
            mail_admins(subject, body)
        except (OSError, smtplib.SMTPException):
            # The admin shows the same; a mail server that is away is no reason to lose a run as well.
            logger.exception("The organizers of %s could not be told by mail.", challenge.key)

    return send
