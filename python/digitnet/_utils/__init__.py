"""What every room uses and what uses only the core: arrays, files, lists, pages."""
