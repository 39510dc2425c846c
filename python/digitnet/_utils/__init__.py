"""Helpers of every package: arrays, files, registries, HTML, figures, versions."""
