"""What a run told and how it is, in words; translated."""

import time

from PySide6.QtCore import QCoreApplication

from vizstudio.core.run_events import Event, metrics_line
from vizstudio.gui.training.run_log import RunLog
from vizstudio.gui.training.runs import RunState, Status

translate = QCoreApplication.translate  # by this name the tool that collects texts finds its calls


def status_name(status: Status) -> str:
    """Return such as "running"."""
    return {
        "starting": translate("told", "starting"),
        "running": translate("told", "running"),
        "held": translate("told", "paused"),
        "stopping": translate("told", "stopping: finishes its step and saves"),
        "stopped": translate("told", "stopped and saved"),
        "cancelled": translate("told", "ended before its first step"),
        "failed": translate("told", "failed"),
        "finished": translate("told", "finished"),
        "lost": translate("told", "ended without saving its last steps"),
        "elsewhere": translate("told", "on another machine"),
    }[status]


def progress_line(state: RunState, log: RunLog) -> str:
    """Return such as "epoch 3 of 10 · step 230 of 1000 · 4.1 steps/s · about 3 min left"."""
    if not log.total:
        return translate("told", "Preparing data and model") if state.alive else ""
    epochs = int(log.start.get("epochs", 0))
    parts = [
        translate("told", "{0} of {1} epochs done").format(log.epoch, epochs),
        translate("told", "step {0} of {1}").format(log.step, log.total),
    ]
    speed, left = log.speed(), log.seconds_left()
    if state.status == "running" and speed is not None and left is not None:
        parts.append(
            translate("told", "{0} steps/s").format(f"{speed:.3g}")
            if speed >= 1
            else translate("told", "{0} s/step").format(f"{1 / speed:.3g}")
        )
        parts.append(translate("told", "about {0} left").format(duration(left)))
    parts.append(translate("told", "on {0}").format(log.start.get("device", "?")))
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """Return such as "40 s", "3 min" or "2 h 10 min"."""
    if seconds < 90:
        return translate("told", "{0} s").format(round(seconds))
    minutes = round(seconds / 60)
    if minutes < 90:
        return translate("told", "{0} min").format(minutes)
    return translate("told", "{0} h {1} min").format(*divmod(minutes, 60))


def event_line(event: Event) -> str:
    """Return one event as a line of the log, with its time of day where it is known."""
    clock = time.strftime("%H:%M:%S  ", time.localtime(event["time"])) if "time" in event else ""
    return clock + _words(event)


def _words(event: Event) -> str:
    kind, step = event["event"], event["step"]
    if kind == "start":
        told = translate("told", "goes on from step {0}") if step else translate("told", "starts")
        return told.format(step) + _about(event)
    if kind == "epoch":
        told = translate("told", "epoch {0}: ").format(event.get("epoch", "?")) + metrics_line(event)
        return told + (translate("told", "  (best so far)") if event.get("best") else "")
    if kind == "warning":
        return translate("told", "warning: {0}").format(event.get("message", ""))
    if kind == "stopped":
        return translate("told", "stopped and saved after step {0}").format(step)
    if kind == "failed":
        return translate("told", "failed after step {0}: the loss is no number").format(step)
    return translate("told", "finished; the best model is in best.safetensors")


def _about(event: Event) -> str:
    if "images" not in event:
        return ""
    told = translate("told", ": {0} images an epoch on {1}")
    return told.format(event["images"], event.get("device", "?"))
