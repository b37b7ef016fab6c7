"""The app's entry in Django's registry."""

from django.apps import AppConfig


class EvaluationsConfig(AppConfig):
    """See the models for what this app holds."""

    name = "evaluations"
