"""Computes what an exported network gives, in NumPy: exported-forward.py FOLDER ARCHIVE BOUND.

FOLDER is what `isotherm-archive export --to huggingface` wrote of ARCHIVE, a run that captured its logits. The arithmetic is that of the
classes of transformers that config.json names. Prints the largest difference in units of max(1, |logit|); exits with 1 beyond BOUND.
"""
import json
import math
import sys

import h5py
import numpy
from safetensors.numpy import load_file

ERF = numpy.vectorize(math.erf, otypes=[float])


def main():
    folder, archive, bound = sys.argv[1], sys.argv[2], float(sys.argv[3])
    with open(f"{folder}/config.json") as file:
        config = json.load(file)
    weights = {name: value.astype(float) for name, value in load_file(f"{folder}/model.safetensors").items()}
    used = set()

    def w(name):
        used.add(name)
        return weights[name]

    def linear(x, name):
        y = x @ w(name + ".weight").T
        return y + w(name + ".bias") if name + ".bias" in weights else y

    def turned(x, name):
        return x @ w(name + ".weight") + w(name + ".bias")

    def layer_norm(x, name):
        x = x - x.mean(-1, keepdims=True)
        return x / numpy.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * w(name + ".weight") + w(name + ".bias")

    def rms_norm(x, name):
        return x / numpy.sqrt((x * x).mean(-1, keepdims=True) + config["rms_norm_eps"]) * w(name + ".weight")

    def gelu(x):
        return 0.5 * x * (1 + ERF(x / math.sqrt(2)))

    def attend(q, k, v, heads, visible, rotary=None):
        """Queries [sample, position, channel]; `visible` [sample, query, key]."""
        b, n, d = q.shape
        size = d // heads
        split = lambda x: x.reshape(b, n, -1, size).transpose(0, 2, 1, 3)
        q, k, v = split(q), split(k), split(v)
        if rotary is not None:
            half = size // 2
            angle = numpy.arange(n)[:, None] * rotary ** (-numpy.arange(half) / half)
            cosine, sine = numpy.tile(numpy.cos(angle), 2), numpy.tile(numpy.sin(angle), 2)
            turn = lambda x: x * cosine + numpy.concatenate([-x[..., half:], x[..., :half]], -1) * sine
            q, k = turn(q), turn(k)
        k, v = (numpy.repeat(x, heads // x.shape[1], 1) for x in (k, v))
        scores = q @ k.transpose(0, 1, 3, 2) / math.sqrt(size)
        scores = numpy.where(visible[:, None], scores, -numpy.inf)
        a = numpy.exp(scores - scores.max(-1, keepdims=True))
        return (a / a.sum(-1, keepdims=True) @ v).transpose(0, 2, 1, 3).reshape(b, n, d)

    with h5py.File(archive) as file:
        logits = file["activations/logits/values"][-1].astype(float)
        samples = {name: file[f"samples/{name}"][: len(logits)] for name in ("image", "token", "length") if f"samples/{name}" in file}
        mean, deviation = (float(x) for x in sys.argv[4:6]) if len(sys.argv) > 4 else (0, 1)
    kind, length = config["architectures"][0], samples.get("length")

    def encoder(x, visible, base, names, heads, layers):
        before, query, behind, end = names
        for l in range(layers):
            p = f"{base}.{l}."
            y = layer_norm(x, p + before)
            q, k, v = (linear(y, p + query + part) for part in ("query", "key", "value"))
            x = x + linear(attend(q, k, v, heads, visible), p + "attention.output.dense")
            x = x + linear(gelu(linear(layer_norm(x, p + behind), p + "intermediate.dense")), p + "output.dense")
        return layer_norm(x, end)

    if kind == "ViTForImageClassification":
        pixels, p = (samples["image"] / 255.0 - mean) / deviation, config["patch_size"]
        b, height, width = pixels.shape
        patches = pixels.reshape(b, height // p, p, width // p, p).transpose(0, 1, 3, 2, 4).reshape(b, -1, p * p)
        e = "vit.embeddings."
        kernel = w(e + "patch_embeddings.projection.weight")
        assert kernel.shape[1:] == (1, p, p)
        x = patches @ kernel.reshape(len(kernel), -1).T + w(e + "patch_embeddings.projection.bias")
        x = numpy.concatenate([numpy.repeat(w(e + "cls_token"), b, 0), x], 1) + w(e + "position_embeddings")
        visible = numpy.ones((b, x.shape[1], x.shape[1]), bool)
        names = ("layernorm_before", "attention.attention.", "layernorm_after", "vit.layernorm")
        x = encoder(x, visible, "vit.encoder.layer", names, config["num_attention_heads"], config["num_hidden_layers"])
        found = linear(x[:, 0], "classifier")
    elif kind == "MegatronBertForTokenClassification":
        ids = numpy.concatenate([numpy.full((len(logits), 1), config["cls_token_id"]), samples["token"]], 1)
        n, e = ids.shape[1], "bert.embeddings."
        x = w(e + "word_embeddings.weight")[ids] + w(e + "position_embeddings.weight")[:n] + w(e + "token_type_embeddings.weight")[0]
        visible = numpy.repeat((numpy.arange(n)[None] <= length[:, None])[:, None], n, 1)
        names = ("attention.ln", "attention.self.", "ln", "bert.encoder.ln")
        x = encoder(x, visible, "bert.encoder.layer", names, config["num_attention_heads"], config["num_hidden_layers"])
        found = linear(x, "classifier")[:, 0]
    else:
        ids = samples["token"]
        n = ids.shape[1]
        visible = numpy.repeat(numpy.tril(numpy.ones((n, n), bool))[None], len(ids), 0)
        if config["model_type"] == "gpt2":
            x = w("transformer.wte.weight")[ids] + w("transformer.wpe.weight")[:n]
            for l in range(config["n_layer"]):
                p = f"transformer.h.{l}."
                q, k, v = numpy.split(turned(layer_norm(x, p + "ln_1"), p + "attn.c_attn"), 3, -1)
                x = x + turned(attend(q, k, v, config["n_head"], visible), p + "attn.c_proj")
                x = x + turned(gelu(turned(layer_norm(x, p + "ln_2"), p + "mlp.c_fc")), p + "mlp.c_proj")
            x, scores, table = layer_norm(x, "transformer.ln_f"), "classifier", "transformer.wte"
        else:
            x = w("model.embed_tokens.weight")[ids]
            for l in range(config["num_hidden_layers"]):
                p = f"model.layers.{l}."
                y = rms_norm(x, p + "input_layernorm")
                q, k, v = (linear(y, p + f"self_attn.{part}_proj") for part in "qkv")
                a = attend(q, k, v, config["num_attention_heads"], visible, config["rope_theta"])
                x = x + linear(a, p + "self_attn.o_proj")
                y = rms_norm(x, p + "post_attention_layernorm")
                gate = linear(y, p + "mlp.gate_proj")
                x = x + linear(gate / (1 + numpy.exp(-gate)) * linear(y, p + "mlp.up_proj"), p + "mlp.down_proj")
            x, scores, table = rms_norm(x, "model.norm"), "score", "model.embed_tokens"
        tied = config["tie_word_embeddings"]
        found = linear(x, table if tied else scores if scores + ".weight" in weights else "lm_head")
    assert used == set(weights), set(weights) - used
    error = numpy.abs(found - logits) / numpy.maximum(1, numpy.abs(logits))
    print(kind, f"{error.max():.2e}")
    sys.exit(0 if error.max() <= bound else 1)


main()
