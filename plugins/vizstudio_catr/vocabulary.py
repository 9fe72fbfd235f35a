"""From words to token numbers and back: BERT's WordPiece, through the `tokenizers` library."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

from tokenizers import BertWordPieceTokenizer

from vizstudio.api import CheckpointError, UsageError, resource_path

PAD, UNKNOWN, START, END = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
CONTINUES = "##"
SHIPPED = "bert_uncased_vocab.txt"
# The vocabulary splits words at every mark; these belong together again.
_JOINED = ((r"(\w) ' (s|t|re|ve|ll|d|m)\b", r"\1'\2"), (r"(\w) - (?=\w)", r"\1-"))


class Vocabulary:
    """The tokens that a model reads and writes.

    Parameters
    ----------
    tokens : sequence of str
        In the order of their numbers; pieces that continue a word begin with ``##``.

    Raises
    ------
    CheckpointError
        If a token is there twice, or one of the special tokens is missing.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = tuple(tokens)
        numbers = {token: number for number, token in enumerate(self.tokens)}
        if len(numbers) != len(self.tokens):
            raise CheckpointError("the vocabulary names a token twice")
        if missing := [token for token in (PAD, UNKNOWN, START, END) if token not in numbers]:
            raise CheckpointError(f"the vocabulary lacks {', '.join(missing)}")
        self._numbers = numbers
        self.pad, self.unknown = numbers[PAD], numbers[UNKNOWN]
        self.start, self.end = numbers[START], numbers[END]

    @classmethod
    def from_text(cls, text: str) -> "Vocabulary":
        """Read one token per line."""
        return cls(text.splitlines())

    @classmethod
    def shipped(cls) -> "Vocabulary":
        """Return the uncased vocabulary of BERT, which the published models use."""
        return cls.from_text(resource_path(SHIPPED).read_text(encoding="utf-8"))

    @classmethod
    def of_captions(cls, captions: Iterable[str], least: int = 1) -> "Vocabulary":
        """Return the special tokens and every word that is there `least` times or more, sorted."""
        splitter = BertWordPieceTokenizer(lowercase=True)
        counts = Counter(
            word
            for caption in captions
            for word, _ in splitter.pre_tokenizer.pre_tokenize_str(splitter.normalizer.normalize_str(caption))
        )
        words = sorted(word for word, count in counts.items() if count >= least)
        return cls([PAD, UNKNOWN, START, END, *words])

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def _tokenizer(self) -> BertWordPieceTokenizer:
        return BertWordPieceTokenizer(dict(self._numbers), lowercase=True)

    def encode(self, text: str) -> list[int]:
        """Return the token numbers of a text that a caption has to begin with.

        The end token may be written out as its last word, to ask how probable it is to end there.

        Raises
        ------
        UsageError
            If a word holds what the vocabulary cannot spell, or a special token is written out; it is named.
        """
        found = self._tokenizer.encode(text, add_special_tokens=False)
        spelled = [text[start:end] for start, end in found.offsets]
        unknown = [word for word, token in zip(spelled, found.tokens, strict=True) if token == UNKNOWN]
        if unknown:
            named = ", ".join(repr(word) for word in dict.fromkeys(unknown))
            raise UsageError(
                f"the vocabulary has no {named}: leave it out of the prefix, or write it otherwise"
            )
        self.require_caption(found.ids, "the prefix")
        return list(found.ids)

    def spell(self, caption: str) -> list[int]:
        """Return the token numbers of a caption; what the vocabulary lacks is the unknown token."""
        return list(self._tokenizer.encode(caption, add_special_tokens=False).ids)

    def require_caption(self, numbers: Sequence[int], what: str) -> None:
        """Raise `UsageError` unless these tokens can stand in a caption, the end only at its end."""
        for place, number in enumerate(numbers):
            if not 0 <= number < len(self):
                raise UsageError(f"{what} holds token {number}, and the vocabulary has 0 to {len(self) - 1}")
            token = self.tokens[number]
            if token == END and place < len(numbers) - 1:
                raise UsageError(f"{what} goes on after {END}, which ends a caption: leave it out")
            if token in (PAD, START):
                raise UsageError(f"{what} holds {token}, which no caption can: leave it out")

    def piece(self, number: int) -> tuple[str, bool]:
        """Return a token without its mark, and whether it starts a word."""
        token = self.tokens[number]
        continues = token.startswith(CONTINUES) and token != CONTINUES
        return (token[len(CONTINUES) :], False) if continues else (token, True)

    def text(self, numbers: Sequence[int]) -> str:
        """Return tokens as a sentence, without special tokens."""
        text = self._tokenizer.decode(list(numbers), skip_special_tokens=True)
        for pattern, joined in _JOINED:
            text = re.sub(pattern, joined, text)
        return text
