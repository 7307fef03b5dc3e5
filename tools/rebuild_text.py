"""Tokenizers for rebuild.py, as the text of /explanation/input states them."""
import unicodedata


def ranges(text):
    """The numbers of «41-5A, 30»."""
    ends = [part.split("-") for part in text.split(", ")]
    return {n for e in ends for n in range(int(e[0], 16), int(e[-1], 16) + 1)}


class BytePairs:
    def __init__(self, facts, merges):
        names = [name for name in facts.values if name.startswith("bytes_")]
        self.kind = [next((n for n in names if b in ranges(facts.values[n])), "mark") for b in range(256)]
        self.white = "bytes_white"
        self.ranks = {tuple(pair): 256 + m for m, pair in enumerate(merges.tolist())}

    def words(self, text):
        kind, white, start = self.kind, self.white, 0
        while start < len(text):
            end = start + 1
            if text[start] == 0x20 and end < len(text) and kind[text[end]] != white:
                end += 1
            current = kind[text[end - 1]]
            while end < len(text) and kind[text[end]] == current:
                if current == white and text[end] == 0x20 and end + 1 < len(text) and kind[text[end + 1]] != white:
                    break
                end += 1
            yield text[start:end]
            start = end

    def encode(self, text):
        tokens = []
        for word in self.words(text.encode()):
            word = list(word)
            while True:
                pairs = [(self.ranks[pair], i) for i, pair in enumerate(zip(word, word[1:])) if pair in self.ranks]
                if not pairs:
                    break
                token, place = min(pairs)
                word[place:place + 2] = [token]
            tokens += word
        return tokens


class WordPiece:
    def __init__(self, facts, pieces):
        self.places, self.f = {piece.decode(): i for i, piece in reversed(list(enumerate(pieces)))}, facts
        self.alone = ranges(facts.ascii_marks) | ranges(facts.ideographs)

    def words(self, text):
        word = ""
        for c in unicodedata.normalize("NFD", text.lower()):
            category = unicodedata.category(c)
            if category == "Mn" or c in "\0\ufffd":
                continue
            alone = category in ("Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po") or ord(c) in self.alone
            if c.isspace() or alone:
                yield from [word] if word else []
                yield from [c] if alone else []
                word = ""
            elif category not in ("Cc", "Cf"):
                word += c
        yield from [word] if word else []

    def encode(self, text):
        tokens = []
        for word in self.words(text):
            found, start = [], 0
            while start < len(word) <= self.f.longest_word:
                ends = [e for e in range(len(word), start, -1) if ("##" if start else "") + word[start:e] in self.places]
                if not ends:
                    break
                found.append(self.places[("##" if start else "") + word[start:ends[0]]])
                start = ends[0]
            tokens += found if start == len(word) else [self.f.unknown]
        return tokens
