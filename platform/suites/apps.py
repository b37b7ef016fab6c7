"""The app's entry in Django's registry."""

from django.apps import AppConfig


class SuitesConfig(AppConfig):
    """See the models for what this app holds."""

    name = "suites"
