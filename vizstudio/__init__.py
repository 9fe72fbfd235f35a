"""vizstudio: a desktop studio to look inside vision transformers.

>>> import vizstudio
>>> model = vizstudio.load_model("vit:vit_tiny_patch16_224")  # doctest: +SKIP
>>> analysis = model.analyze("photo.jpg")  # doctest: +SKIP
>>> analysis.attention.heatmap(layer=-1, head="mean", query="cls")  # doctest: +SKIP
"""

from vizstudio.models import LoadedModel, load_model

__version__ = "0.1.0"
__all__ = ["LoadedModel", "__version__", "load_model"]
