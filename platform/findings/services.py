"""Asking for a report and building it."""

import hashlib

from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from challenges.models import Challenge
from config.queue import enqueue
from findings.bundle import bundle_of, zipped
from findings.models import ReportVersion
from findings.selectors import material_of


def request_report(*, challenge: Challenge, user: User) -> ReportVersion:
    """Queue a build of the report; one that waits already is woken instead of a second one asked for."""
    with transaction.atomic():
        Challenge.objects.select_for_update().get(pk=challenge.pk)
        waiting = challenge.report_versions.filter(finished_at=None).first()
        if waiting is None:
            last = challenge.report_versions.aggregate(last=Max("number"))["last"] or 0
            waiting = ReportVersion.objects.create(challenge=challenge, number=last + 1, requested_by=user)
        enqueue("findings.build", waiting.pk)
    return waiting


def build_report(*, version: ReportVersion) -> None:
    """Build the report and keep its archive; one that is built already stays as it is."""
    if version.finished_at is not None:
        return
    bundle = bundle_of(material_of(version.challenge))
    archive = zipped(bundle)
    storage = storages["artifacts"]
    name = storage.save(f"findings/{version.challenge.key}/{version.number}.zip", ContentFile(archive))
    changed = ReportVersion.objects.filter(pk=version.pk, finished_at=None).update(
        finished_at=timezone.now(),
        version=bundle.version,
        digest=hashlib.sha256(archive).hexdigest(),
        size=len(archive),
        storage_name=name,
    )
    if not changed:
        # Another worker was faster: its archive is the one that is kept.
        storage.delete(name)
