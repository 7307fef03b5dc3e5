#!/usr/bin/env python3
"""Writes tiny networks with random weights, and what transformers computes from them, as vectors for PretrainedNetworksTests.

usage: tools/network-vectors.py FOLDER      (by hand; needs torch and transformers 5)

Variants that a network of each architecture may be: odd widths, padding, pooled outputs, bare networks, other rotary scalings, gated
and post-norm forms, images off the native grid. FOLDER/NAME/ has config.json, model.safetensors and ref.npz with input, mask (1 where
there is a token), hidden_0.., attn_0.., out and pooled.
"""
import os
import sys

import numpy as np
import torch
import transformers as T

T.logging.set_verbosity_error()
torch.set_num_threads(1)
SHAPE = dict(hidden_size=12, num_hidden_layers=2, num_attention_heads=3, vocab_size=17)
IDS = torch.tensor([[5, 16, 3, 2, 9, 11], [7, 7, 0, 12, 1, 1]])
MASK = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]])
VISION = dict(hidden_size=12, num_hidden_layers=2, num_attention_heads=3, image_size=8, patch_size=4, num_channels=2)
GROUPED = dict(SHAPE, num_attention_heads=4, num_key_value_heads=2, intermediate_size=20, max_position_embeddings=16)
POST = dict(SHAPE, intermediate_size=20, max_position_embeddings=12)

TEXT = {
    "bert-bare": (T.BertModel, T.BertConfig(**POST)),
    "bert-relu": (T.BertForMaskedLM, T.BertConfig(**POST, hidden_act="relu", layer_norm_eps=1e-3)),
    "roberta-bare": (T.RobertaModel, T.RobertaConfig(**POST, type_vocab_size=1, pad_token_id=1)),
    "distilbert-bare": (T.DistilBertModel, T.DistilBertConfig(
        dim=12, n_layers=2, n_heads=3, hidden_dim=20, vocab_size=17, max_position_embeddings=12)),
    "gpt2-inner": (T.GPT2LMHeadModel, T.GPT2Config(
        n_embd=12, n_layer=2, n_head=3, vocab_size=17, n_positions=9, n_inner=20,
        scale_attn_by_inverse_layer_idx=True, activation_function="relu")),
    "gpt2-bare": (T.GPT2Model, T.GPT2Config(n_embd=12, n_layer=2, n_head=3, vocab_size=17, n_positions=9)),
    "neox-sequential": (T.GPTNeoXForCausalLM, T.GPTNeoXConfig(
        **SHAPE, intermediate_size=20, max_position_embeddings=16, use_parallel_residual=False,
        rope_parameters=dict(rope_type="default", rope_theta=500.0, partial_rotary_factor=0.5), hidden_act="gelu_new")),
    "llama-linear": (T.LlamaForCausalLM, T.LlamaConfig(
        **dict(GROUPED, num_key_value_heads=1), head_dim=6, attention_bias=True, mlp_bias=True, tie_word_embeddings=True,
        rope_parameters=dict(rope_type="linear", rope_theta=100.0, factor=4.0))),
    "llama-bare": (T.LlamaModel, T.LlamaConfig(**dict(GROUPED, num_attention_heads=2))),
    "qwen2-untied": (T.Qwen2ForCausalLM, T.Qwen2Config(**dict(GROUPED, num_attention_heads=2))),
    "qwen3-biased": (T.Qwen3ForCausalLM, T.Qwen3Config(**GROUPED, head_dim=4, attention_bias=True)),
    "opt-post": (T.OPTForCausalLM, T.OPTConfig(
        **SHAPE, ffn_dim=20, max_position_embeddings=10, word_embed_proj_dim=8, do_layer_norm_before=False)),
    "opt-bare": (T.OPTModel, T.OPTConfig(**SHAPE, ffn_dim=20, max_position_embeddings=10, word_embed_proj_dim=12)),
}
IMAGE = {
    "vit-bare": (T.ViTModel, T.ViTConfig(**VISION, intermediate_size=20, qkv_bias=False), (8, 8)),
    "vit-oblong": (T.ViTForImageClassification, T.ViTConfig(
        **dict(VISION, image_size=[8, 12]), intermediate_size=20, num_labels=2), (8, 12)),
    "deit-plain": (T.DeiTForImageClassification, T.DeiTConfig(**VISION, intermediate_size=20, num_labels=4), (8, 8)),
    "dinov2-gated": (T.Dinov2Model, T.Dinov2Config(**VISION, mlp_ratio=3, use_swiglu_ffn=True), (8, 8)),
    "dinov2-other-size": (T.Dinov2Model, T.Dinov2Config(**dict(VISION, image_size=12), mlp_ratio=2), (17, 24)),
}


def fill(model):
    generator = torch.Generator().manual_seed(20)
    with torch.no_grad():
        for name, p in model.named_parameters():
            one = p.ndim == 1 and (name.endswith("weight") or "lambda1" in name)
            p.copy_(float(one) + 0.3 * torch.randn(p.shape, generator=generator))


def write(folder, kind, config, inputs):
    model = kind(config).eval()
    fill(model)
    model.save_pretrained(folder)
    model = kind.from_pretrained(folder, attn_implementation="eager").eval()
    with torch.no_grad():
        o = model(**inputs, output_hidden_states=True, output_attentions=True)
    found = {f"hidden_{i}": h for i, h in enumerate(o.hidden_states)}
    found |= {f"attn_{i}": a for i, a in enumerate(o.attentions)}
    found["out"] = o.logits if getattr(o, "logits", None) is not None else o.last_hidden_state
    if getattr(o, "pooler_output", None) is not None and "pooler.dense.weight" in dict(model.named_parameters()):
        found["pooled"] = o.pooler_output
    if "input_ids" in inputs:
        found["input"] = inputs["input_ids"]
        found["mask"] = inputs["attention_mask"]
    else:
        found["input"] = inputs["pixel_values"]
    np.savez(folder + "/ref.npz", **{k: v.numpy() for k, v in found.items()})
    for name in os.listdir(folder):
        if name == "generation_config.json":
            os.remove(f"{folder}/{name}")
    print(os.path.basename(folder), tuple(found["out"].shape))


for name, (kind, config) in TEXT.items():
    write(f"{sys.argv[1]}/{name}", kind, config, dict(input_ids=IDS, attention_mask=MASK))
for name, (kind, config, size) in IMAGE.items():
    pixels = torch.randn(2, 2, *size, generator=torch.Generator().manual_seed(7))
    write(f"{sys.argv[1]}/{name}", kind, config, dict(pixel_values=pixels))
