"""`manage.py image`: the runner images that are kept in the platform's storage."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat

from evaluations import images
from evaluations.models import RunnerImage
from sandbox.errors import SandboxError
from submissions import engine


class Command(BaseCommand):
    """Look after the kept images."""

    help = "List the runner images in the platform's storage, keep this engine's, load them into this engine."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`list`, `keep [IMAGE]`, `load [IMAGE]`; an image is base, model or an id."""
        parser.add_argument("action", choices=["list", "keep", "load"])
        parser.add_argument("image", nargs="?", default="", help="base, model or sha256:…; all in use without it.")

    def handle(self, *_: Any, action: str, image: str, **__: Any) -> None:
        """Do it; an engine that is away or an image that is nowhere is told in one sentence."""
        try:
            {"list": self._list, "keep": self._keep, "load": self._load}[action](image)
        except SandboxError as error:
            raise CommandError(str(error)) from error

    def _list(self, _: str) -> None:
        for kept in RunnerImage.objects.order_by("created_at"):
            size = filesizeformat(kept.size)
            self.stdout.write(f"{kept.image_id}  {kept.name:<8} {size:>10}  {kept.created_at:%Y-%m-%d %H:%M}")

    def _keep(self, image: str) -> None:
        for kept in [images.keep(*self._named(image))] if image else images.keep_in_use():
            self.stdout.write(f"{kept.image_id}  {kept.name} is kept.")

    def _load(self, image: str) -> None:
        kept = RunnerImage.objects.order_by("created_at").values_list("image_id", flat=True)
        for image_id in [self._named(image)[0]] if image else kept:
            images.ensure(image_id)
            self.stdout.write(f"{image_id} is here.")

    def _named(self, image: str) -> tuple[str, str]:
        """The image's id and the name under which it is kept."""
        if image.startswith("sha256:"):
            known = {engine.sandbox().image_id(name): name for name in ("base", "model") if self._built(name)}
            kept = RunnerImage.objects.filter(image_id=image).values_list("name", flat=True).first()
            return image, kept or known.get(image, "image")
        return images.id_of(image), image.partition("@")[0]

    def _built(self, name: str) -> bool:
        try:
            engine.sandbox().image_id(name)
        except SandboxError:
            return False
        return True
