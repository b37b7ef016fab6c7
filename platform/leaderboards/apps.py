"""The app's entry in Django's registry."""

from django.apps import AppConfig


class LeaderboardsConfig(AppConfig):
    """See the models for what this app holds."""

    name = "leaderboards"

    def ready(self) -> None:
        """Let each sweep look for leaderboards that missed a score."""
        from evaluations.signals import swept
        from leaderboards.catching_up import refresh_behind

        swept.connect(refresh_behind, dispatch_uid="leaderboards.refresh_behind")
