"""What is asked of a caption on the command line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Annotated

from cyclopts import Parameter

from vizstudio.commands.options import CAPTION as GROUP
from vizstudio.core.caption import CaptionPath, CaptionRequest
from vizstudio.core.errors import UsageError
from vizstudio.core.state import CAPTION
from vizstudio.models import LoadedModel

_Option = Parameter(group=GROUP, allow_leading_hyphen=True)


@Parameter(name="*")
@dataclass(frozen=True)
class CaptionOptions:
    """Options of captions; None for one that was not given.

    Parameters
    ----------
    beam
        Width of the beam search; by default 1, the most probable token at every step.
    length_penalty
        Beams are ranked by log-probability divided by length to this power; by default 1.
    prefix
        Words that the caption has to begin with.
    max_tokens
        Most tokens to write, those of the prefix among them; by default the model's limit.
    temperature
        Draw tokens at random; below 1 likely ones come more often, above 1 less.
    top_p
        Draw among the most probable tokens that together reach this probability; by default 1, all.
    seed
        Of the draw; by default 0.
    word
        What step and caption-wall show, counted from 0, or from -1 at the end; by default 0.
    rank
        Which of the beams to show, from 0, the best.
    branch
        STEP,ALTERNATIVE: at a step of the caption take another token of those offered, both counted from 0, and
        go on from there; may be given again to leave that caption too.
    """

    beam: Annotated[int | None, _Option] = None
    length_penalty: Annotated[float | None, _Option] = None
    prefix: Annotated[str | None, _Option] = None
    max_tokens: Annotated[int | None, _Option] = None
    temperature: Annotated[float | None, _Option] = None
    top_p: Annotated[float | None, _Option] = None
    seed: Annotated[int | None, _Option] = None
    word: Annotated[int | None, _Option] = None
    rank: Annotated[int | None, _Option] = None
    branch: Annotated[list[str] | None, _Option] = None

    @property
    def given(self) -> tuple[str, ...]:
        """The options that were given, as they are typed."""
        names = (field.name for field in fields(self) if getattr(self, field.name) is not None)
        return tuple("--" + name.replace("_", "-") for name in names)

    def path(self, views: Sequence[str]) -> CaptionPath | None:
        """Return which caption is to be written, or None if nothing asks for one.

        Raises
        ------
        UsageError
            If a value is out of its range, or has no effect without another.
        """
        if not self.given and not set(views) & set(CAPTION):
            return None
        for name in ("--top-p", "--seed"):
            if name in self.given and self.temperature is None:
                raise UsageError(f"{name} is for tokens drawn at random: give --temperature too, such as 1")
        beams = 1 if self.beam is None else self.beam
        if self.length_penalty is not None and beams == 1:
            raise UsageError("--length-penalty ranks beams: give --beam too, such as --beam 4")
        request = CaptionRequest(
            beams=beams,
            prefix=self.prefix,
            max_tokens=self.max_tokens,
            length_penalty=1.0 if self.length_penalty is None else self.length_penalty,
            temperature=self.temperature,
            top_p=1.0 if self.top_p is None else self.top_p,
            seed=self.seed or 0,
        )
        return CaptionPath(request, self.rank or 0, tuple(map(_parse_branch, self.branch or ())))

    def require_captioner(self, loaded: LoadedModel, views: Sequence[str]) -> None:
        """Raise `UsageError` if a caption is asked of a model that writes none."""
        asking = [*self.given, *(f"the view {view}" for view in views if view in CAPTION)]
        if asking and not loaded.can_caption:
            model = loaded.info.model_id
            raise UsageError(f"{asking[0]} is for models that write captions, and {model} writes none")


def _parse_branch(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*", text, re.ASCII)
    if not found:
        raise UsageError(f"--branch {text!r} is no branch: give STEP,ALTERNATIVE, such as 3,1")
    return int(found[1]), int(found[2])
