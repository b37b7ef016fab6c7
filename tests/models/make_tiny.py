"""Runs inside the model image: makes tiny models with random weights, the same every time, and their tokenizers.

    python3 make_tiny.py TEXT OUT      TEXT: one sentence a line, which the tokenizers are trained on

The weights are drawn wide, so that a word's probability depends on every word before it.
"""

import sys
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertForMaskedLM,
    BloomConfig,
    BloomForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
    T5Config,
    T5ForConditionalGeneration,
)

VOCABULARY = 1500
SPREAD = 0.2
SIZES = {"hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4}
WIDE = SIZES | {"intermediate_size": 128, "max_position_embeddings": 128}


def byte_level(text: Path, *, specials: list[str]) -> Tokenizer:
    """Train a byte-level BPE tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train([str(text)], trainer)
    return tokenizer


def gpt2_tokenizer(text: Path) -> PreTrainedTokenizerFast:
    """Return a tokenizer that puts nothing before a text."""
    end = "<|endoftext|>"
    return PreTrainedTokenizerFast(tokenizer_object=byte_level(text, specials=[end]), bos_token=end, eos_token=end)


def llama_tokenizer(text: Path) -> PreTrainedTokenizerFast:
    """Return a tokenizer that puts its own first token before every text."""
    tokenizer = byte_level(text, specials=["<s>", "</s>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")


def bert_tokenizer(text: Path) -> PreTrainedTokenizerFast:
    """Return a WordPiece tokenizer with [CLS] and [SEP]."""
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=VOCABULARY, special_tokens=specials, show_progress=False)
    tokenizer.train([str(text)], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{f"{name}_token": token for name, token in names.items()}
    )


def roberta_tokenizer(text: Path) -> PreTrainedTokenizerFast:
    """Return a byte-level tokenizer with <s> and </s>."""
    tokenizer = byte_level(text, specials=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
    )


def t5_tokenizer(text: Path) -> PreTrainedTokenizerFast:
    """Return a tokenizer with sentinels that puts only </s> after a text."""
    sentinels = ["<extra_id_0>", "<extra_id_1>"]
    tokenizer = byte_level(text, specials=["<pad>", "</s>", "<unk>", *sentinels])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        extra_special_tokens=sentinels,
    )


def save(model: Any, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Draw the weights that are not normalisations anew, and save both."""
    generator = torch.Generator().manual_seed(20260101)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            if parameter.dim() > 1 and not name.endswith(("A_log", "conv1d.weight")):
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * SPREAD)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def encoder_decoders(text: Path, out: Path) -> None:
    """Make the models with an encoder and a decoder."""
    t5, bart = t5_tokenizer(text), roberta_tokenizer(text)
    t5_size = {"d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4}
    t5_tokens = {"vocab_size": len(t5), "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}
    save(T5ForConditionalGeneration(T5Config(**t5_size, **t5_tokens)), t5, out / "t5")
    bart_size = {f"{part}_{name}": value for part in ("encoder", "decoder") for name, value in
                 {"layers": 2, "attention_heads": 4, "ffn_dim": 128}.items()}  # fmt: skip
    bart_tokens = {"vocab_size": len(bart), "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
    model = BartForConditionalGeneration(
        BartConfig(d_model=64, max_position_embeddings=128, decoder_start_token_id=2, **bart_size, **bart_tokens)
    )
    # What is added behind the output layer: nothing may take the layer alone for the whole.
    model.final_logits_bias = torch.randn(model.final_logits_bias.shape, generator=torch.Generator().manual_seed(3))
    save(model, bart, out / "bart")


def main(text: Path, out: Path) -> None:
    """Make every model below `out`."""
    encoder_decoders(text, out)
    gpt2, llama, bert, roberta = (
        make(text) for make in (gpt2_tokenizer, llama_tokenizer, bert_tokenizer, roberta_tokenizer)
    )
    size = {"vocab_size": len(gpt2), "bos_token_id": 0, "eos_token_id": 0}
    torch.manual_seed(1)
    save(GPT2LMHeadModel(GPT2Config(n_positions=128, n_embd=64, n_layer=3, n_head=4, **size)), gpt2, out / "gpt2")
    llama_size = {"vocab_size": len(llama), "bos_token_id": 0, "eos_token_id": 1}
    save(LlamaForCausalLM(LlamaConfig(**WIDE, num_key_value_heads=2, **llama_size)), llama, out / "llama")
    save(GPTNeoXForCausalLM(GPTNeoXConfig(**WIDE, **size)), gpt2, out / "gptneox")
    opt = OPTConfig(**SIZES, ffn_dim=128, max_position_embeddings=128, word_embed_proj_dim=64, **size)
    save(OPTForCausalLM(opt), gpt2, out / "opt")
    save(BloomForCausalLM(BloomConfig(hidden_size=64, n_layer=3, n_head=4, **size)), gpt2, out / "bloom")
    gemma = Gemma2Config(**WIDE, num_key_value_heads=2, head_dim=16, sliding_window=16, **size)
    save(Gemma2ForCausalLM(gemma), gpt2, out / "gemma2")
    save(MambaForCausalLM(MambaConfig(hidden_size=64, num_hidden_layers=2, **size)), gpt2, out / "mamba")
    save(BertForMaskedLM(BertConfig(**WIDE, vocab_size=len(bert), pad_token_id=0)), bert, out / "bert")
    roberta_size = WIDE | {"max_position_embeddings": 130}
    save(
        RobertaForMaskedLM(RobertaConfig(**roberta_size, vocab_size=len(roberta), pad_token_id=1)),
        roberta,
        out / "roberta",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
