"""The data sets: one module each, named as in `params.yaml`, and what all of them share.

A data set's module has `read(folder) -> Raw`, which accepts the publisher's files only if they are what they should be,
and `split_rows(raw, options) -> {part: rows}`, which says which rows train, validate and test. `stages.normalize`
stores the scaled arrays of every split; training and evaluation open them with `load_split`.
"""

import csv
import ctypes
import importlib
import io
import json
import math
import mmap
import pkgutil
import reprlib
