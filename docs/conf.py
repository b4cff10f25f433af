"""How Sphinx builds these pages: `nox -s docs`, with warnings as errors."""

from hf_fillmask import __version__

project = "hf_fillmask"
author = "The hf_fillmask authors"
copyright = author
version = release = __version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_parser"]
exclude_patterns = ["_build"]
# Pages whose extras are written elsewhere are taken in when they are there.
suppress_warnings = ["toc.empty_glob"]

# In docstrings, `single backticks` are a link where something has that name, and code elsewhere.
default_role = "py:obj"
# Extras that need not be there to build these pages.
autodoc_mock_imports = ["pyarrow", "ray"]
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

html_theme = "furo"
html_title = f"hf_fillmask {release}"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_copy_source = False
html_show_sourcelink = False
pygments_style = "friendly"
