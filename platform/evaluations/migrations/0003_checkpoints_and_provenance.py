"""Checkpoints of response sets, the parts of those that go over several, and how far an evaluation can be trusted."""

from typing import Any

from django.db import migrations, models

CHOICES = [
    ("self-reported", "Self-reported"),
    ("predictions", "Predictions"),
    ("spot-checked", "Spot-checked"),
    ("run here", "Run here"),
]


def from_predictions(apps: Any, _editor: Any) -> None:
    """What was scored from prediction files until now was not run here."""
    evaluations = apps.get_model("evaluations", "Evaluation").objects
    evaluations.filter(response_set__submission__kind="predictions").update(provenance="predictions")


class Migration(migrations.Migration):
    dependencies = [("evaluations", "0002_rehearsals_images_canaries")]

    operations = [
        migrations.AddField(
            model_name="responseset",
            name="steps",
            field=models.JSONField(
                blank=True, default=list, help_text="The checkpoints asked, [name, words] in order."
            ),
        ),
        migrations.AddField(
            model_name="responseset", name="parts", field=models.JSONField(blank=True, default=dict)
        ),
        migrations.AddField(
            model_name="evaluation",
            name="provenance",
            field=models.CharField(choices=CHOICES, default="run here", max_length=16),
        ),
        migrations.RunPython(from_predictions, migrations.RunPython.noop),
    ]
