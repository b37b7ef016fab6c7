"""Winoground, as the BabyLM evaluation pipelines ask it: for one image, which of two captions belongs to it?

Layout: the pipelines' winoground_filtered, JSON lines with caption_0 (the right one), caption_1, image_idx, image_key
(image_0 or image_1), tag, secondary_tag, collapsed_tag. Images are named as the source names them,
ex_<image_idx>_img_<0 or 1>. The terms of the source forbid passing them on: the suite is gated.
"""

from pathlib import Path

from evaluators.importers.images import Images
from evaluators.importers.interface import BINARY, Collector, Imported, Importer, Options, clip
from evaluators.importers.sources import files, rows


def read(source: Path, options: Options) -> Imported:
    """Every line; item `winoground/<k>`."""
    images = Images(options, hint="ex_<image_idx>_img_<0 or 1>.png")
    collector = Collector(options)
    for path in files(source, ".jsonl", ".json"):
        for row in rows(path):
            number = row.text("image_key").removeprefix("image_")
            if number not in ("0", "1"):
                raise row.refused("image_key", "image_0 or image_1 is required")
            sample = row.whole("image_idx")
            digest = images.digest([f"ex_{sample}_img_{number}"])
            candidates = [{"continuation": row.text(name), "images": [digest]} for name in ("caption_0", "caption_1")]
            tags = [clip(tag) for name in ("collapsed_tag", "tag") if (tag := row.optional(name))]
            collector.choice(
                "winoground", candidates, 0, tags=list(dict.fromkeys(tags)), cluster=f"winoground/{sample}"
            )
    return collector.imported(media=images.media)


IMPORTER = Importer(
    name="winoground",
    title="Winoground, filtered for BabyLM",
    source="Thrush et al. 2022, the hub's facebook/winoground, as filtered in the BabyLM evaluation pipelines",
    license="META IMAGES RESEARCH LICENSE",
    form="An image and two captions with the same words; a model chooses the caption with the larger "
    "log-probability. An "
    "item's id is `winoground/<k>`; items about one pair of images are one cluster.",
    read=read,
    manifest={"task": "choice", **BINARY, "items": "public", "version": "2024.1", "gated": True},
    citation="@inproceedings{thrush2022winoground, title={{Winoground}: Probing Vision and Language Models for "
    "Visio-Linguistic Compositionality}, author={Thrush, Tristan and others}, booktitle={CVPR}, year={2022}}",
    expected={"winoground": 746},
)
