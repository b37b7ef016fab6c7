from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('leaderboards', '0010_packed_rows'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='snapshotchunk',
            name='rows',
        ),
    ]
