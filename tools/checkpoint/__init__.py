"""Readers of other projects' checkpoints, and the safetensors files that they become.

Standard library only. A new source format is one module that reads the file and one that names its
parameters; nothing here ever executes a pickle.
"""
