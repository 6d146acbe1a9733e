"""Rows of a table that repeat others."""
from collections.abc import Sequence

import numpy as np

MIX = np.uint64(0x9E3779B97F4A7C15)


def fingerprints(columns: Sequence[np.ndarray]) -> np.ndarray:
    """One uint64 a row, equal for equal rows (NaN equals NaN), made from columns of numbers."""
    told = np.full(len(columns[0]), 0x1234567, np.uint64)
    for column in columns:
        plain = column.astype(np.float64) + 0.0                             # -0 is 0
        plain[np.isnan(plain)] = np.nan
        told = (told ^ plain.view(np.uint64)) * MIX
        told ^= told >> np.uint64(29)
    return told


def copies_of(columns: Sequence[np.ndarray]) -> tuple[np.ndarray, int, bool]:
    """(a group number a row, how many rows repeat an earlier one, is that only because few rows are possible?)"""
    different, groups = np.unique(fingerprints(columns), return_inverse=True)
    return groups.astype(np.int64), len(groups) - len(different), len(different) <= 0.5 * len(groups)
