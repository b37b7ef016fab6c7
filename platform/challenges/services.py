"""Changes to challenges and to who looks after them."""

from django.db import transaction

from accounts.models import User
from challenges.models import Challenge, Role


def grant_role(*, challenge: Challenge, user: User, kind: str) -> Role:
    """Give the user a role in the challenge; organizers get into the admin, where they see only their challenges."""
    with transaction.atomic():
        role, _ = Role.objects.get_or_create(challenge=challenge, user=user, kind=kind)
        if kind == Role.Kind.ORGANIZER and not user.is_staff:
            user.is_staff = True
            user.save(update_fields=["is_staff"])
    return role


def revoke_role(*, role: Role) -> None:
    """Take a role back; who organizes nothing any more leaves the admin."""
    with transaction.atomic():
        user = role.user
        role.delete()
        organizes = user.challenge_roles.filter(kind=Role.Kind.ORGANIZER).exists()
        if user.is_staff and not user.is_superuser and not organizes:
            user.is_staff = False
            user.save(update_fields=["is_staff"])
