"""Changes to challenges and to who looks after them."""

from django.db import transaction

from accounts.models import User
from challenges.models import Challenge, Role, Track
from config.queue import enqueue


def grant_role(*, challenge: Challenge, user: User, kind: str) -> Role:
    """Give the user a role in the challenge; organizers get into the admin, where they see only their challenges."""
    with transaction.atomic():
        role, _ = Role.objects.get_or_create(challenge=challenge, user=user, kind=kind)
        if kind == Role.Kind.ORGANIZER:
            _set_staff(user, True)
    return role


def revoke_role(*, role: Role) -> None:
    """Take a role back; who organizes nothing any more leaves the admin."""
    with transaction.atomic():
        user = User.objects.get(challenge_roles=role.pk)
        Role.objects.filter(pk=role.pk).delete()
        if not user.is_superuser and not user.challenge_roles.filter(kind=Role.Kind.ORGANIZER).exists():
            _set_staff(user, False)


def change_role(*, role: Role, user: User, kind: str) -> Role:
    """Give the role's place to this user, as this kind."""
    with transaction.atomic():
        before = Role.objects.select_related("challenge", "user").get(pk=role.pk)
        revoke_role(role=before)
        return grant_role(challenge=before.challenge, user=user, kind=kind)


def _set_staff(user: User, staff: bool) -> None:
    User.objects.filter(pk=user.pk).update(is_staff=staff)
    user.is_staff = staff


def refresh_leaderboards(*, track: Track) -> None:
    """Compute the track's leaderboards anew: what it ranks by, or what its phases ask, was changed."""
    for phase_id in track.phases.values_list("pk", flat=True):
        enqueue("leaderboards.refresh", phase_id)
