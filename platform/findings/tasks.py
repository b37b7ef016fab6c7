"""Background work on findings."""

from celery import shared_task

from findings import services
from findings.models import ReportVersion


@shared_task(name="findings.build")
def build(version_id: int) -> None:
    """Build a version of a challenge's report."""
    services.build_report(version=ReportVersion.objects.select_related("challenge").get(pk=version_id))
