#!/usr/bin/env python3
"""usage: convert-austen.py Rdata.rdb OUT.h5: passages of Jane Austen's six novels, labelled by novel.

Rdata.rdb is a run of [4-byte big-endian length + zlib] records, each an R character vector in XDR form: a novel.
"""
import re
import struct
import sys
import zlib

import numpy as np

from dataset_file import write

PASSAGE = 600  # characters after which a passage ends at the next paragraph or sentence
HEADING = re.compile(r"^\s*(chapter|volume)\s+([ivxlc]+|\d+|the)\b.*$", re.IGNORECASE)


def records(data):
    place = 0
    while place < len(data):
        unzip = zlib.decompressobj()
        yield unzip.decompress(data[place + 4:])
        place = len(data) - len(unzip.unused_data)


def lines(record):
    header = 14
    encoding = struct.unpack(">i", record[header:header + 4])[0]
    place = header + 4 + encoding
    kind, count = struct.unpack(">ii", record[place:place + 8])
    assert kind & 0xFF == 16, "expected a character vector"
    place += 8
    for _ in range(count):
        _, length = struct.unpack(">ii", record[place:place + 8])
        yield record[place + 8:place + 8 + length].decode()
        place += 8 + length


def passages(text_lines):
    """(chapter, passage) pairs; headings and what stands before the first chapter are left out."""
    chapter, paragraph, paragraphs = 0, [], []
    for line in list(text_lines) + [""]:
        if HEADING.match(line):
            chapter += line.strip().lower().startswith("chapter")
            paragraph = []
        elif line.strip():
            paragraph.append(line.strip())
        elif paragraph:
            if chapter:
                paragraphs.append((chapter, " ".join(paragraph)))
            paragraph = []
    current, size, where = [], 0, None
    for chapter, paragraph in paragraphs:
        if where != chapter and current:
            yield where, " ".join(current)
            current, size = [], 0
        where = chapter
        for sentence in re.split(r"(?<=[.!?\"])\s+(?=[A-Z\"])", paragraph):
            current.append(sentence)
            size += len(sentence) + 1
            if size >= PASSAGE:
                yield where, " ".join(current)
                current, size = [], 0
    if current:
        yield where, " ".join(current)


source, out = sys.argv[1:]
titles, texts, novels, chapters = [], [], [], []
for novel, record in enumerate(records(open(source, "rb").read())):
    content = list(lines(record))
    titles.append(content[0].title())
    for chapter, text in passages(content):
        texts.append(text)
        novels.append(novel)
        chapters.append(chapter)
chapters = np.array(chapters, "i4")
split = (chapters % 5 == 0).astype("u1")
flags = {"flag_values": np.array([0, 1], "u1"), "flag_meanings": "train test"}
write(out, "Jane Austen, six novels in passages", [
    ("/samples/text", texts, ["sample"], "passage of about 600 characters, in the order of the novel", "1", {}),
    ("/samples/label", np.array(novels, "i4"), ["sample"], "novel the passage is from", "1", {}),
    ("/samples/split", split, ["sample"], "0 train, 1 test: every fifth chapter, never trained on", "1", flags),
    ("/samples/chapter", chapters, ["sample"], "chapter in the novel, from 1", "1", {}),
    ("/classes/name", titles, ["class"], "title of each novel", "1", {}),
], {
    "configuration": f"passages of at least {PASSAGE} characters within a chapter; every fifth chapter is test",
    "command": "tools/fetch-data",
    "origin": "Project Gutenberg texts from the R package janeaustenr (Silge), Debian package r-cran-janeaustenr",
    "licence": "text: public domain; package: MIT",
})
print(f"{len(texts)} passages, {sum(map(len, texts))} characters, {int(split.sum())} test;", ", ".join(titles))
