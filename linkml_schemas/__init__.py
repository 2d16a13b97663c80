"""The model: ``bioimage.yaml`` and what ``build.py`` generates from it."""
