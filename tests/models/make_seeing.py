"""Runs inside the model image beside make_tiny.py: makes tiny models that see images, the same every time.

python3 make_seeing.py TEXT OUT      TEXT: one sentence a line, which the tokenizers are trained on
"""

import sys
from pathlib import Path

from make_tiny import bert_tokenizer, byte_level, save  # type: ignore[import-not-found]
from tokenizers import processors
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    GitConfig,
    GitForCausalLM,
    GitProcessor,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)


def llava_tokenizer(text: Path) -> PreTrainedTokenizerFast:
    """Return llama's tokenizer with a token that stands for a part of an image."""
    tokenizer = byte_level(text, specials=["<s>", "</s>", "<image>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", extra_special_tokens=["<image>"]
    )


def clip_tokenizer(text: Path) -> PreTrainedTokenizerFast:
    """Return a tokenizer with a first and a last token, the last of which a text's vector is read at."""
    tokenizer = byte_level(text, specials=["<|pad|>", "<|start|>", "<|end|>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|start|> $A <|end|>", special_tokens=[("<|start|>", 1), ("<|end|>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|start|>",
        eos_token="<|end|>",
        pad_token="<|pad|>",
        # As it should not be: nothing may depend on it.
        padding_side="left",
    )


def main(text: Path, out: Path) -> None:
    """Make a causal model without and one with a token for an image, and a dual encoder; images of 4 patches."""
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    sight = sizes | {"image_size": 16, "patch_size": 8}
    square = {"height": 16, "width": 16}
    pixels = CLIPImageProcessor(size=square, crop_size=square)
    git, llava, clip = bert_tokenizer(text), llava_tokenizer(text), clip_tokenizer(text)
    text_size = sizes | {"max_position_embeddings": 128}
    git_config = GitConfig(
        vision_config=sight, vocab_size=len(git), pad_token_id=0, tie_word_embeddings=True, **text_size
    )
    save(GitForCausalLM(git_config), git, out / "git")
    GitProcessor(pixels, git).save_pretrained(out / "git")
    llava_text = {"model_type": "llama", "vocab_size": len(llava), "num_key_value_heads": 2, **text_size}
    llava_sight = {"model_type": "clip_vision_model", "projection_dim": 32, **sight}
    llava_config = LlavaConfig(vision_config=llava_sight, text_config=llava_text, image_token_id=2)
    save(LlavaForConditionalGeneration(llava_config), llava, out / "llava")
    named = {"patch_size": 8, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}
    LlavaProcessor(pixels, llava, image_token="<image>", **named).save_pretrained(out / "llava")
    clip_text = {"vocab_size": len(clip), "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, **text_size}
    clip_config = CLIPConfig(text_config=clip_text, vision_config=sight, projection_dim=16)
    save(CLIPModel(clip_config), clip, out / "clip")
    pixels.save_pretrained(out / "clip")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
