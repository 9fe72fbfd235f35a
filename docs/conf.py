"""Settings of the documentation: ``sphinx-build -W --keep-going docs build/docs`` writes it, without a network."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))

from vizstudio import __version__  # noqa: E402

project = "vizstudio"
author = "the vizstudio authors"
copyright = "the vizstudio authors, Apache-2.0"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "mathml",
    "reference_pages",
    "interface_page",
]
exclude_patterns = ["_extensions"]
myst_enable_extensions = ["dollarmath", "attrs_block", "deflist"]
myst_heading_anchors = 3
html_math_renderer = "mathml"

default_role = "py:obj"  # single backticks in docstrings: a link where there is something to link to
napoleon_google_docstring = False
autodoc_preserve_defaults = True  # no address of a function stands in a signature
autodoc_member_order = "bysource"
napoleon_use_param = False
napoleon_use_rtype = False
smartquotes_action = "D"  # dashes alone
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
maximum_signature_line_length = 88

html_theme = "furo"
html_title = f"vizstudio {version}"
html_static_path = ["_static"]
html_css_files = ["vizstudio.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#2b5fa8", "color-brand-content": "#2b5fa8"},
    "dark_css_variables": {"color-brand-primary": "#8ab4f8", "color-brand-content": "#8ab4f8"},
}
