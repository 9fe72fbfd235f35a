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

from vizstudio.models import LoadedModel, load_model
from vizstudio.pictures import write_comparison, write_picture
from vizstudio.timelines import write_timeline

__version__ = "0.1.0"
__all__ = ["LoadedModel", "__version__", "load_model", "write_comparison", "write_picture", "write_timeline"]
