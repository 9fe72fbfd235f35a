"""What the window alone may import; here it fails, so that a command that imports it is found out."""

raise ImportError("only the window may import this")
