"""Spot-checks of prediction files, and what organizers and reviewers should look at."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("challenges", "0004_checkpoints_provenance"),
        ("evaluations", "0003_checkpoints_and_provenance"),
        ("submissions", "0002_quota_ledger_and_conversion"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="responseset",
            name="chosen_name",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.CreateModel(
            name="Flag",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("spot-check", "Predictions that the model does not give"),
                            ("same-predictions", "Another team's prediction file"),
                            ("same-answers", "Another team's answers"),
                            ("same-weights", "Another team's weights"),
                            ("same-scores", "Another team's scores, digit by digit"),
                            ("constant", "The same answer to everything"),
                            ("impossible", "A score that nobody should reach"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "subject",
                    models.CharField(blank=True, help_text="The suite, where it is about one.", max_length=160),
                ),
                ("numbers", models.JSONField(blank=True, default=dict)),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("dismissed", "Dismissed"), ("confirmed", "Confirmed")],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "other",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="submissions.submission",
                    ),
                ),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="flags", to="submissions.submission"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="FlagDecision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("old", models.CharField(max_length=10)),
                ("new", models.CharField(max_length=10)),
                ("reason", models.CharField(max_length=300)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "flag",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="decisions", to="evaluations.flag"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="SpotCheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("frame", models.PositiveIntegerField(help_text="The answers that the sample is drawn from.")),
                ("size", models.PositiveIntegerField()),
                ("tolerance", models.JSONField(default=dict, help_text="What an honest file may show.")),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("ordered", "Ordered"),
                            ("consistent", "Consistent"),
                            ("inconsistent", "Inconsistent"),
                            ("inconclusive", "Inconclusive"),
                            ("failed", "The model failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="ordered",
                        max_length=12,
                    ),
                ),
                ("agreements", models.PositiveIntegerField(blank=True, null=True)),
                ("disagreements", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "unclear",
                    models.PositiveIntegerField(
                        blank=True, help_text="The model is in two minds about these.", null=True
                    ),
                ),
                ("allowance", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "smallest",
                    models.PositiveIntegerField(
                        blank=True, help_text="The smallest forgery caught with 95 %.", null=True
                    ),
                ),
                ("detail", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "evaluation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="spot_checks",
                        to="evaluations.evaluation",
                    ),
                ),
                (
                    "ordered_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "response_set",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="spot_check",
                        to="evaluations.responseset",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="spot_checks", to="evaluations.run"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "pk"],
            },
        ),
        migrations.CreateModel(
            name="SpotCheckPlan",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "flipped",
                    models.FloatField(
                        default=0.05,
                        help_text="The forgery that is to be caught: the share of the wrong answers that was turned right.",
                        validators=[
                            django.core.validators.MinValueValidator(0.001),
                            django.core.validators.MaxValueValidator(0.9),
                        ],
                    ),
                ),
                (
                    "power",
                    models.FloatField(
                        default=0.99,
                        help_text="With what probability it is to be caught.",
                        validators=[
                            django.core.validators.MinValueValidator(0.5),
                            django.core.validators.MaxValueValidator(0.9999),
                        ],
                    ),
                ),
                (
                    "automatic",
                    models.BooleanField(
                        default=False,
                        help_text="Check every prediction file that came with its model, once it is scored.",
                    ),
                ),
                (
                    "track",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="spot_check_plan",
                        to="challenges.track",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="flag",
            constraint=models.UniqueConstraint(
                condition=models.Q(("other__isnull", False)),
                fields=("kind", "submission", "other", "subject"),
                name="flag_once_with_other",
            ),
        ),
        migrations.AddConstraint(
            model_name="flag",
            constraint=models.UniqueConstraint(
                condition=models.Q(("other__isnull", True)),
                fields=("kind", "submission", "subject"),
                name="flag_once_alone",
            ),
        ),
    ]
