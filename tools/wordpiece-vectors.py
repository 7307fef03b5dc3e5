#!/usr/bin/env python3
"""Writes Tests/CorporaTests/wordpiece-vectors.json: texts and their tokens by Hugging Face's tokenizers.

usage: wordpiece-vectors.py OUT.json      needs tokenizers; CI never runs this, it reads the committed file.
"""
import json
import sys

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

# No piece may occur twice: Hugging Face's dictionary would keep the last, ours the first.
PIECES = """[PAD] [UNK] [CLS] [SEP] [MASK] the truth universal ##ly acknowledge ##d ##s , . ! ? ; : ' " ( ) - _ a man of good fortune un ##able
##ff aff ##a ##b ##c ##e ##i ##n ##t cafe naive ##1 ##2 ##3 1 2 3 18 ##13 want wife in must be it is that single how ##ever little
known feeling such may $ % & * + / < = > @ [ ] ^ ` { | } ~ # 日 本 語 e i n t x y z""".split()
assert len(set(PIECES)) == len(PIECES)
TEXTS = ["The truth, universally acknowledged!", "a man in want of a wife", "Café naïve CAFÉ", "unaffable unable affable", "1813", "123", "12.3",
         "that's it -- is it?", "日本語 a日b", "xyzzy", "x", "", "   ", "tab\there\nline", "e\u0301 i\u0308", "soft\u00adhyphen", "zero\u200bwidth",
         "\u2014dash\u2014 \u201cquote\u201d", "$5 & 3% <x> [y] {z} ~#^`|", "a" * 101, "UNABLE Unable", "İ", "ﬁ", "a\u0000b", "x_y", "man\u00a0in",
         "feelings feeling's", "how-ever"]
t = Tokenizer(models.WordPiece({p: i for i, p in enumerate(PIECES)}, unk_token="[UNK]", max_input_chars_per_word=100))
t.normalizer = normalizers.BertNormalizer(lowercase=True)
t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
json.dump({"vocabulary": PIECES, "cases": [{"text": s, "tokens": t.encode(s, add_special_tokens=False).ids} for s in TEXTS]},
          open(sys.argv[1], "w"), ensure_ascii=False)
