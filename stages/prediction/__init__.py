"""Readers of new rows: tables and pictures as people have them, for `stages.predict`."""
