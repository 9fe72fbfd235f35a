"""vizstudio: a desktop studio to look inside vision transformers.

>>> import vizstudio
>>> model = vizstudio.load_model("vit:vit_tiny_patch16_224")
>>> analysis = model.analyze("photo.jpg")
>>> analysis.attention.weights(layer=-1, heads=[0, 2], queries=[0]).shape  # heads, queries, keys
(2, 1, 197)
>>> analysis.attention.heatmap(layer=-1, head="mean", query="cls").values.shape  # rows, columns
(14, 14)
>>> analysis.position_embedding.similarity().shape
(14, 14, 14, 14)
"""

from typing import TYPE_CHECKING

from vizstudio.lazy import names_from

if TYPE_CHECKING:
    from vizstudio.models import LoadedModel, load_model
    from vizstudio.pictures import write_comparison, write_picture
    from vizstudio.timelines import write_timeline
else:  # not for the window and the commands, which need other things first
    __getattr__ = names_from(
        __name__,
        {
            "vizstudio.models": ("LoadedModel", "load_model"),
            "vizstudio.pictures": ("write_comparison", "write_picture"),
            "vizstudio.timelines": ("write_timeline",),
        },
    )

__version__ = "0.1.0"
__all__ = ["LoadedModel", "__version__", "load_model", "write_comparison", "write_picture", "write_timeline"]
