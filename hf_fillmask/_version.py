"""The version.

Rule: the one place that the package and its build read it from, so nothing is imported here.
"""

__version__ = "0.1.0"
