from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('leaderboards', '0007_rows_in_chunks'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='snapshot',
            name='rows',
        ),
        migrations.RemoveField(
            model_name='snapshot',
            name='told_rows',
        ),
        migrations.AddConstraint(
            model_name='snapshot',
            constraint=models.UniqueConstraint(condition=models.Q(('frozen', True)), fields=('phase',), name='snapshot_one_frozen'),
        ),
    ]
