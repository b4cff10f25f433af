"""An output that is no file: standard output, a pipe, a device.

Rule: nothing can be asked of it but to take bytes; a reader that went away is an error like a full disk.
"""
