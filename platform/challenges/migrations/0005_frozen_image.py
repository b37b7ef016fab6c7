"""The image that a track's name for it was frozen to, and what that image holds."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Two fields of the track."""

    dependencies = [("challenges", "0004_checkpoints_provenance")]

    operations = [
        migrations.AddField(
            model_name="track",
            name="image_id",
            field=models.CharField(
                blank=True, default="", editable=False, help_text="What `image` was frozen to.", max_length=80
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="track",
            name="image_versions",
            field=models.JSONField(blank=True, default=dict, editable=False, help_text="What it holds, by package."),
        ),
    ]
