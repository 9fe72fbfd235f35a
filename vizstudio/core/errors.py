"""The errors that a user can cause or meet; each message is one sentence that says what to do."""


class VizstudioError(Exception):
    """Base of every error with a message meant for the user."""


class UsageError(VizstudioError):
    """What was asked does not exist: a layer, a head, a query, a view, an option's value."""


class ImageError(VizstudioError):
    """An image could not be read, or is not fit to be analysed."""


class ModelError(VizstudioError):
    """A model could not be found or built."""


class CheckpointError(ModelError):
    """Weights could not be loaded: truncated, malicious, or of another architecture."""


class PrecisionError(ModelError):
    """A model cannot be run in the precision asked for: its plugin, an operation or the numbers do not allow it."""


class OfflineError(ModelError):
    """Weights had to be downloaded and could not be."""


class DeviceError(VizstudioError):
    """The device asked for is not there or has too little memory."""


class AttentionError(VizstudioError):
    """Attention was not seen, or what was seen does not explain the model's own output."""


class GeometryError(VizstudioError):
    """Tokens cannot be placed on the image without guessing."""


class TrainingError(VizstudioError):
    """A training run could not go on: the loss is no number, or the disk is full."""


class PluginError(VizstudioError):
    """A plugin is broken; it is quarantined and the others go on."""


class Cancelled(BaseException):
    """The user cancelled. Not an `Exception`, so that model code cannot swallow it."""
