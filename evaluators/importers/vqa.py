"""VQA, as the BabyLM evaluation pipelines ask it: an image, a question, the answer and seven distractors.

Layout: the pipelines' vqa_filtered, JSON lines (or one JSON list) with question, target_ans, distractors,
idx_in_hf_dataset and image_id. Images are named as COCO names them, COCO_val2014_<image_id, 12 digits>, or by
image_id, or by idx_in_hf_dataset.
"""

from pathlib import Path

from evaluators.importers.images import Images
from evaluators.importers.interface import Collector, Imported, Importer, Options
from evaluators.importers.sources import Row, files, rows


def read(source: Path, options: Options) -> Imported:
    """Every line; item `vqa/<k>`."""
    images = Images(options, hint="COCO_val2014_<image_id>.jpg, <image_id>.jpg or <idx_in_hf_dataset>.jpg")
    collector = Collector(options)
    shares: list[float] = []
    for path in files(source, ".jsonl", ".json"):
        for row in rows(path):
            answers = [row.text("target_ans"), *row.texts("distractors")]
            digest = images.digest(_names(row))
            candidates = [
                {"context": row.text("question"), "continuation": f" {answer}", "images": [digest]}
                for answer in answers
            ]
            shares.append(1 / len(answers))
            collector.choice("vqa", candidates, 0, cluster=f"vqa/{digest[:16]}")
    chance = round(sum(shares) / len(shares), 6) if shares else None
    return collector.imported(media=images.media, manifest={"chance": chance})


def _names(row: Row) -> list[str]:
    names = []
    if row.has("image_id"):
        number = row.whole("image_id")
        names = [f"COCO_val2014_{number:012d}", str(number)]
    if row.has("idx_in_hf_dataset"):
        names.append(str(row.whole("idx_in_hf_dataset")))
    if not names:
        raise row.refused("image_id", "image_id or idx_in_hf_dataset is required")
    return names


IMPORTER = Importer(
    name="vqa",
    title="VQA, filtered for BabyLM",
    source="Goyal et al. 2017, VQA v2, as filtered in the BabyLM evaluation pipelines; images of COCO",
    license="CC-BY-4.0",
    form="An image, a question and eight answers; a model chooses the likeliest. An item's id is `vqa/<k>`; items "
    "about one "
    "image are one cluster.",
    read=read,
    manifest={
        "task": "choice", "metric": "accuracy", "range": [0, 1], "direction": "higher", "items": "public",
        "version": "2024.1",
    },
    citation="@inproceedings{goyal2017vqa, title={Making the {V} in {VQA} Matter: Elevating the Role of Image "
    "Understanding "
    "in Visual Question Answering}, author={Goyal, Yash and others}, booktitle={CVPR}, year={2017}}",
    expected={"vqa": 25_230},
)  # fmt: skip
